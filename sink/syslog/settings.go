package syslog

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
)

const (
	defaultFacility   = "user"
	defaultSDID       = "fields@32473"
	defaultMaxConnAge = sink.Duration(time.Minute)

	portPlain = 514  // over TCP not assigned, but where servers listen: RFC 6587, section 3.3
	portTLS   = 6514 // RFC 5425, section 4.1

	maxMsgStream   = 8 << 10 // RFC 5425, section 4.3.1
	maxMsgDatagram = 2 << 10 // RFC 5426, section 3.2
	minMsg         = 480     // what every server must take: RFC 5424, section 6.1
	mostMsg        = 64 << 20
	mostDatagram   = 65507 // an IPv4 packet less the headers of IP and UDP
)

// setURL takes host and port. Its errors quote nothing of the user info.
func (c *Config) setURL(u *url.URL) error {
	switch {
	case u.Opaque == "" && u.Hostname() == "" && strings.Trim(u.Path, "/") != "":
		return errors.New("host missing: local sockets are not written to, but servers: syslog://127.0.0.1?transport=udp")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("host missing; write syslog://host")
	case u.User != nil:
		return errors.New("syslog knows no user names and passwords; leave them out, or give cert-file and key-file with transport=tls")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("? and # do not belong to the address")
	case u.Path != "" && u.Path != "/":
		return errors.New("a path has no meaning for syslog; write syslog://host:port")
	}
	c.Host, c.Port = u.Hostname(), 0
	if u.Port() == "" {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("port %.16q: want 1 to 65535", u.Port())
	}
	c.Port = int(port)
	return nil
}

// Validate implements [sink.Validator]. It returns all mistakes. Files of TLS are
// read.
func (c *Config) Validate() error {
	var errs []error
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	oneOf := func(name, value string, allowed ...string) {
		for _, a := range allowed {
			if value == "" || value == a {
				return
			}
		}
		report(true, "%s=%.64q; want %s", name, value, strings.Join(allowed, " or "))
	}
	report(c.Host == "", "host missing; write syslog://host")
	report(c.Port < 0 || c.Port > 65535, "port %d; want 1 to 65535", c.Port)
	oneOf("transport", c.Transport, TCP, UDP, TLS)
	oneOf("framing", c.Framing, OctetCounting, LF)
	oneOf("confirm", c.Confirm, Auto, Close, Never)
	oneOf("message", c.Message, JSON, Msg)
	report(c.Transport == UDP && c.Framing == LF, "framing=lf is for tcp and tls; a datagram ends by itself")
	report(c.Transport == UDP && c.Confirm == Close, "confirm=close is for tcp and tls; a server does not answer datagrams")
	report(len(c.Fields) == 0 && cmp.Or(c.SDID, defaultSDID) != defaultSDID, "sd-id names the element of fields; give fields, or leave it out")
	report(c.confirms() && cmp.Or(c.MaxConnAge, defaultMaxConnAge) != defaultMaxConnAge, "max-conn-age has no use where each batch has its own connection; leave it out, or give confirm=never")
	_, err := facilityOf(c.Facility)
	errs = append(errs, err, c.checkFields(), c.checkSize(), c.checkTLS())
	return errors.Join(errs...)
}

// checkSize reports a limit that is none, or leaves no room behind the header.
func (c *Config) checkSize() error {
	most := sink.Bytes(mostMsg)
	if c.Transport == UDP {
		most = mostDatagram
	}
	header := sink.Bytes(maxPrefix + len(c.header()))
	least := max(minMsg, header+minRoom)
	if n := c.maxMsg(); n < least || n > most {
		return fmt.Errorf("max-message is %v; want %v to %v; %v are taken by hostname, app-name and so on", n, least, most, header)
	}
	return nil
}

// checkTLS reports settings of TLS that have no use, and files without content.
func (c *Config) checkTLS() error {
	if c.Transport != TLS {
		if c.CAFile != "" || c.CertFile != "" || c.KeyFile != "" || c.ServerName != "" || c.Insecure {
			return errors.New("ca-file, cert-file, key-file, server-name and insecure are for TLS; add transport=tls")
		}
		return nil
	}
	var errs []error
	if c.Insecure && (c.CAFile != "" || c.ServerName != "") {
		errs = append(errs, errors.New("insecure leaves no use for ca-file and server-name; leave it out"))
	}
	if c.KeyFile != "" && c.CertFile == "" {
		return errors.Join(append(errs, errors.New("key-file without cert-file; give both"))...)
	}
	_, err := c.loadTLS()
	return errors.Join(append(errs, err)...)
}

// confirms reports whether the server is waited for.
func (c *Config) confirms() bool { return c.Transport != UDP && c.Confirm != Never }

// network returns that of the transport, as package net calls it.
func (c *Config) network() string {
	if c.Transport == UDP {
		return "udp"
	}
	return "tcp"
}

func (c *Config) address() string {
	port := c.Port
	if port == 0 {
		port = portPlain
		if c.Transport == TLS {
			port = portTLS
		}
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(port))
}

func (c *Config) maxMsg() sink.Bytes {
	if c.MaxMessage != 0 {
		return c.MaxMessage
	}
	if c.Transport == UDP {
		return maxMsgDatagram
	}
	return maxMsgStream
}

// maxConnAge returns 0 for no limit.
func (c *Config) maxConnAge() time.Duration {
	return max(0, time.Duration(cmp.Or(c.MaxConnAge, defaultMaxConnAge)))
}

// facilities are the names of RFC 5424, section 6.2.1, as syslog.h has them, and
// those that it lacks. The index is the facility.
var facilities = [...]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

// facilityOf returns the number of a facility; empty: the default.
func facilityOf(text string) (int, error) {
	text = cmp.Or(strings.TrimSpace(text), defaultFacility)
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && int(n) < len(facilities) {
		return int(n), nil
	}
	for i, name := range facilities {
		if strings.EqualFold(text, name) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("facility %.64q: want a number from 0 to 23 or one of %s", text, strings.Join(facilities[:], ", "))
}

// facility is one as a flag.
type facility string

// Set implements [flag.Value].
func (f *facility) Set(s string) error {
	n, err := facilityOf(s)
	if err != nil {
		return err
	}
	*f = facility(facilities[n])
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero facility too.
func (f *facility) String() string { return string(*f) }

// Get implements [flag.Getter].
func (f *facility) Get() any { return string(*f) }

// age is a flag for a span where a written 0 means no limit, kept as -1.
type age struct{ p *sink.Duration }

// Set implements [flag.Value].
func (a age) Set(s string) error {
	if err := a.p.Set(s); err != nil {
		return err
	}
	if *a.p == 0 {
		*a.p = -1
	}
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero age too.
func (a age) String() string {
	if a.p == nil {
		return ""
	}
	return max(*a.p, 0).String()
}

// Get implements [flag.Getter].
func (a age) Get() any { return max(*a.p, 0) }
