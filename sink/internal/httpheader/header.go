// Package httpheader checks headers of HTTP that users configure, and reads lists of them.
package httpheader

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/fapilog/fapilog/sink"
)

// reserved are the headers that say how a message is sent, which is the
// client's to know.
var reserved = map[string]bool{
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Expect": true, "Keep-Alive": true,
	"Proxy-Authorization": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// Check reports a name that no header can have, or that is not a sink's or
// user's to set.
func Check(name string) error {
	key := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !IsToken(name):
		return fmt.Errorf("%.64q cannot be the name of a header; want letters, digits and hyphens", name)
	case reserved[key]:
		return fmt.Errorf("%s is not to be set; it depends on what is sent", key)
	}
	return nil
}

// Parse returns the headers of a list NAME:VALUE,NAME:VALUE. Its errors
// hold no value.
func Parse(list sink.Secret) (http.Header, error) {
	header := http.Header{}
	var errs []error
	for i, item := range splitList(list.Reveal()) {
		name, value, ok := strings.Cut(item, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		key := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !ok || !IsToken(name):
			// What has no name may be the rest of a value with a comma in it.
			errs = append(errs, fmt.Errorf(`header: item %d is not NAME:VALUE; write \, for a comma in a value`, i+1))
		case reserved[key]:
			errs = append(errs, fmt.Errorf("header: %w", Check(name)))
		case !IsValue(value):
			errs = append(errs, fmt.Errorf("header: the value of %s has a control character in it", key))
		default:
			header[key] = append(header[key], value)
		}
	}
	return header, errors.Join(errs...)
}

// splitList splits at commas that have no backslash before them, and takes the
// backslashes off. Empty items are dropped.
func splitList(s string) (items []string) {
	var b strings.Builder
	end := func() {
		if item := strings.TrimSpace(b.String()); item != "" {
			items = append(items, item)
		}
		b.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && (s[i+1] == ',' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		case c == ',':
			end()
		default:
			b.WriteByte(c)
		}
	}
	end()
	return items
}

// IsToken reports whether s is a token by RFC 9110, section 5.6.2.
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// IsValue reports whether s can be the value of a header by RFC 9110,
// section 5.5.
func IsValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
