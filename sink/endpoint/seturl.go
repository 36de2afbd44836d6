package endpoint

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// SetURL takes host, path and user info of a sink's URI. secure makes it https.
// defaultPath counts where the URI has no path, or only a slash, and defaultPort
// where it has no port; 0 is that of http or https. The error holds nothing of
// the user info.
func (c *Config) SetURL(u *url.URL, secure bool, defaultPort int, defaultPath string) error {
	if u.Opaque != "" || u.Hostname() == "" {
		return fmt.Errorf("host missing; write %s://host%s", u.Scheme, defaultPath)
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("? and # do not belong to the address; give the endpoint's own parameters as query=")
	}
	port := cmp.Or(u.Port(), portText(defaultPort))
	if err := checkPort(port); err != nil {
		return err
	}
	target := &url.URL{Scheme: "http", Host: joinHost(u.Hostname(), port), Path: u.Path, RawPath: u.RawPath}
	if secure {
		target.Scheme = "https"
	}
	if target.Path == "" || target.Path == "/" {
		target.Path, target.RawPath = cmp.Or(defaultPath, "/"), ""
	}
	c.URL = target
	if u.User != nil {
		c.User = u.User.Username()
		password, _ := u.User.Password()
		c.Password.Set(password)
	}
	return nil
}

func portText(port int) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(port)
}

func checkPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %.16q: want 1 to 65535", port)
	}
	return nil
}

// joinHost returns host and port as they stand in a URL.
func joinHost(host, port string) string {
	if port != "" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// checkURL reports what is wrong with URL, without quoting it.
func (c *Config) checkURL() error {
	u := c.URL
	switch {
	case u == nil:
		return errors.New("URL missing; give scheme, host and path")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("scheme %.16q: want http or https", u.Scheme)
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("host missing; write http://host/path")
	case u.User != nil:
		return errors.New("the URL has user info; give User and Password beside it")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("the URL has ? or #; give the endpoint's own parameters as query=")
	}
	return checkPort(u.Port())
}

// checkQuery reports a query that cannot stand in a URL, without quoting it.
func checkQuery(query string) error {
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return errors.New("query: a character in it cannot stand in a URL; percent-encode it, and % itself as %25")
		}
	}
	if _, err := url.ParseQuery(query); err != nil {
		return errors.New("query: malformed; want name=value&name=value, percent-encoded")
	}
	return nil
}
