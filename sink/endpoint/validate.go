package endpoint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fapilog/fapilog/sink/internal/httpheader"
)

// Validate implements [sink.Validator]. It returns all mistakes. Files of TLS are
// read, those of credentials are not: they may be written later.
func (c *Config) Validate() error {
	headers, headerErr := httpheader.Parse(c.Headers)
	errs := []error{c.checkURL(), checkQuery(c.Query), headerErr}
	if level := orDefault(c.GzipLevel, DefaultGzipLevel); level < 1 || level > 9 {
		errs = append(errs, fmt.Errorf("gzip-level is %d: want 1 to 9", level))
	}
	if c.MaxResponse < 0 {
		errs = append(errs, fmt.Errorf("the limit of an answer is %d bytes: want a positive one", c.MaxResponse))
	}
	errs = append(errs, c.checkCredentials(headers.Get("Authorization") != ""), c.checkTLS())
	return errors.Join(errs...)
}

func (c *Config) checkCredentials(authorization bool) error {
	var errs []error
	given := 0
	for _, is := range []bool{c.User != "" || c.Password != "", c.BasicFile != "", c.BearerToken != "", c.BearerFile != "", authorization} {
		if is {
			given++
		}
	}
	if given > 1 {
		errs = append(errs, errors.New("more than one kind of credentials; give one of: user and password in the URI, basic-file, bearer, bearer-file, an Authorization header"))
	}
	if strings.Contains(c.User, ":") {
		errs = append(errs, errors.New("the user name has a colon in it, which servers take for its end"))
	}
	if !httpheader.IsValue(c.BearerToken.Reveal()) {
		errs = append(errs, errors.New("bearer: the token has a control character in it"))
	}
	if c.AuthScheme != "" && !httpheader.IsToken(c.AuthScheme) {
		errs = append(errs, errors.New("the scheme of the token is not a word"))
	}
	return errors.Join(errs...)
}

func (c *Config) checkTLS() error {
	if c.URL != nil && c.URL.Scheme == "http" && !c.Redirects {
		if c.CAFile != "" || c.CertFile != "" || c.KeyFile != "" || c.ServerName != "" || c.Insecure {
			return errors.New("ca-file, cert-file, key-file, server-name and insecure are for https; the address is not, and redirects=true is not given")
		}
		return nil
	}
	var errs []error
	if c.KeyFile != "" && c.CertFile == "" {
		errs = append(errs, errors.New("key-file without cert-file; give both"))
	}
	if c.Insecure && (c.CAFile != "" || c.ServerName != "") {
		errs = append(errs, errors.New("insecure leaves no use for ca-file and server-name; give one or the other"))
	}
	if _, err := c.LoadTLS(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
