package sink

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// masked is what stands for a secret in anything that is printed.
const masked = "***"

// wholeWord is the length below which a secret is masked only where no letter or
// digit is beside it: a password "a" would otherwise mask half of every text,
// and so be told.
const wholeWord = 4

// Masker replaces secrets by "***" in what is to be printed: errors of code that
// was given them, say. It finds them as they are, percent-encoded, and quoted or escaped
// as in JSON or Go, each of that up to twice, whichever characters are; those of less than
// 4 bytes only where no letter or digit is beside them. The zero Masker knows none. It is
// safe for concurrent use.
//
// Mask before you cut a text: a cut may leave half a secret, which nobody finds.
type Masker struct {
	secrets []string
}

// NewMasker returns a Masker of these secrets. Empty ones are ignored.
func NewMasker(secrets ...string) Masker {
	var all []string
	for _, s := range secrets {
		if s != "" {
			all = append(all, s, strings.ReplaceAll(s, " ", "+")) // as in a query
		}
	}
	slices.Sort(all)
	return Masker{slices.Compact(all)}
}

// Text returns text with the secrets masked, and otherwise as it is.
func (m Masker) Text(text string) string {
	if len(m.secrets) == 0 {
		return text
	}
	var found []span
	for _, r := range readings(text) {
		for _, secret := range m.secrets {
			found = r.find(found, secret)
		}
	}
	return cover(text, found)
}

// Error returns err if there is nothing to mask in it. Otherwise the result has
// the masked text and does not wrap err, since what err wraps could be printed
// too.
func (m Masker) Error(err error) error {
	text := err.Error()
	if t := m.Text(text); t != text {
		return errors.New(t)
	}
	return err
}

// quote returns text quoted, masked and, if it is long, cut.
func (m Masker) quote(text string) string { return fmt.Sprintf("%.64q", m.Text(text)) }

// Secrets returns what must not be printed of uri, also of one that cannot be
// parsed: user name, password and the values of parameters that are a [Secret],
// as they stand in it and decoded.
func Secrets(uri string) []string {
	uri = strings.TrimSpace(uri)
	scheme := strings.ToLower(uri[:schemeEnd(uri)])
	fs := new(flag.FlagSet)
	if o, ok := NewOpener(scheme); ok {
		fs, _ = flagSet(scheme, o, nil) // as far as it has come
	}
	return secretsOf(uri, fs)
}

// secretsOf is Secrets of a URI with these parameters.
func secretsOf(uri string, fs *flag.FlagSet) (secrets []string) {
	place, query, _ := strings.Cut(uri, "?")
	for _, raw := range append(userInfo(place), secretParameters(fs, query)...) {
		secrets = append(secrets, raw)
		if decoded, err := url.PathUnescape(raw); err == nil && decoded != raw {
			secrets = append(secrets, decoded)
		}
	}
	return secrets
}

// userInfo returns user name and password as they stand in place. A place without
// // has them only in the form scheme:user:password@host, by mistake.
func userInfo(place string) []string {
	_, rest, _ := strings.Cut(place, ":")
	authority, hasAuthority := strings.CutPrefix(rest, "//")
	if hasAuthority {
		authority, _, _ = strings.Cut(authority, "/")
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return nil
	}
	name, password, both := strings.Cut(authority[:at], ":")
	if !hasAuthority && !both {
		return nil
	}
	return []string{name, password}
}

// secretParameters returns the raw values of the parameters that are a Secret.
func secretParameters(fs *flag.FlagSet, query string) (values []string) {
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.PathUnescape(rawName)
		if err != nil {
			continue
		}
		if f := fs.Lookup(name); f != nil && isSecret(f) {
			values = append(values, rawValue)
		}
	}
	return values
}
