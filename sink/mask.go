package sink

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked is what stands for a secret in anything that is printed.
const masked = "***"

// Masker returns a function that replaces the secrets of uri in a text by "***":
// user name, password and the values of parameters that are a [Secret], as they
// stand in the URI, decoded, and quoted. It is for errors of code that was given
// the secrets and may print them. The function is safe for concurrent use.
func Masker(uri string) func(text string) string { return secretsOf(uri).mask }

// wholeWord is the length below which a secret is masked only where no letter or
// digit is beside it: a password "a" would otherwise mask half of every text,
// and so be told.
const wholeWord = 4

// secrets are the texts to mask, the longest first.
type secrets []string

// secretsOf finds the secrets in uri, also in one that cannot be parsed.
func secretsOf(uri string) secrets {
	place, query, _ := strings.Cut(strings.TrimSpace(uri), "?")
	var found secrets
	for _, raw := range append(userInfo(place), secretParameters(place, query)...) {
		found = found.with(raw)
		if decoded, err := url.PathUnescape(raw); err == nil && decoded != raw {
			found = found.with(decoded)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found
}

// with adds a secret in every form that is likely to be printed.
func (s secrets) with(secret string) secrets {
	for _, form := range []string{
		secret, url.User(secret).String(), url.PathEscape(secret), url.QueryEscape(secret), unquote(strconv.Quote(secret)),
	} {
		if form != "" && !slices.Contains(s, form) {
			s = append(s, form)
		}
	}
	return s
}

// unquote cuts off the quotes, no more.
func unquote(s string) string { return s[1 : len(s)-1] }

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
func secretParameters(place, query string) (values []string) {
	scheme, _, _ := strings.Cut(place, ":")
	o, ok := NewOpener(strings.ToLower(scheme))
	if !ok {
		return nil
	}
	fs, err := flagSet(scheme, o, nil)
	if err != nil {
		return nil
	}
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

func (s secrets) mask(text string) string {
	for _, secret := range s {
		if len(secret) >= wholeWord {
			text = strings.ReplaceAll(text, secret, masked)
		} else {
			text = maskWord(text, secret)
		}
	}
	return text
}

// maskError returns err if there is nothing to mask in it. Otherwise the result
// does not wrap it, since what it wraps could be printed too.
func (s secrets) maskError(err error) error {
	text := err.Error()
	if m := s.mask(text); m != text {
		return errors.New(m)
	}
	return err
}

// maskWord masks word where no letter or digit is beside it.
func maskWord(text, word string) string {
	var b strings.Builder
	for done := 0; ; {
		i := strings.Index(text[done:], word)
		if i < 0 {
			b.WriteString(text[done:])
			return b.String()
		}
		start, end := done+i, done+i+len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		b.WriteString(text[done:start])
		if isWord(before) || isWord(after) {
			b.WriteString(word)
		} else {
			b.WriteString(masked)
		}
		done = end
	}
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
