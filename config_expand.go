package fapilog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// lookup returns the value of a variable, and whether it is set.
type lookup func(name string) (value string, ok bool)

// reference is a ${NAME} that has been replaced.
type reference struct {
	name, value string
	parameter   string // the one in whose value it stands, if any
	front       bool   // it stands before the place: the scheme may come from it
}

var (
	referencePattern = regexp.MustCompile(`\$\{[^}]*\}?`)
	incompleteEscape = regexp.MustCompile(`%[0-9A-Fa-f]?$`)
	referenceName    = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
)

// expand replaces every ${NAME} in item by the variable's value, percent-encoded
// where that is needed for the value to stay inside its part of the URI: a
// password may hold any character. In front of the place, where a whole URI may
// come from a variable, it stands as it is, and in the host it must be a host,
// or a path where the host is empty: file://${LOG_FILE}.
func expand(item string, variable lookup) (uri string, refs []reference, mistakes []error) {
	var b strings.Builder
	done := 0
	parts := partsOf(referencePattern.ReplaceAllStringFunc(item, func(ref string) string {
		return strings.Repeat("x", len(ref)) // so that nothing in it looks like a delimiter
	}))
	for _, at := range referencePattern.FindAllStringIndex(item, -1) {
		b.WriteString(item[done:at[0]])
		done = at[1]
		name := referenceName.FindStringSubmatch(item[at[0]:at[1]])
		if name == nil {
			// It may be half a password: it is not quoted.
			mistakes = append(mistakes, errors.New("malformed ${…}; want ${NAME} with letters, digits and _, or %24%7B for the characters themselves"))
			continue
		}
		value, err := variable.get(name[1])
		encoded := ""
		switch {
		case err != nil:
		case incompleteEscape.MatchString(b.String()):
			err = errors.New("follows an incomplete percent-encoding; a percent sign is %25") // and would be half eaten by it
		default:
			encoded, err = parts.encode(at[0], value)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("${%s} %w", name[1], err))
			continue
		}
		refs = append(refs, reference{name[1], value, parts.parameter(at[0]), at[0] < parts.userInfo})
		b.WriteString(encoded)
	}
	b.WriteString(item[done:])
	return b.String(), refs, mistakes
}

// referenced returns the names of the variables that item refers to.
func referenced(item string) (names []string) {
	for _, ref := range referencePattern.FindAllString(item, -1) {
		if name := referenceName.FindStringSubmatch(ref); name != nil {
			names = append(names, name[1])
		}
	}
	return names
}

// get returns the variable's value, or says why it has none.
func (l lookup) get(name string) (string, error) {
	if l == nil {
		return "", errors.New("is replaced only in FAPILOG_SINKS and the arguments of Open and ConfigFromEnv; in a Route, put the value itself")
	}
	value, ok := l(name)
	if !ok {
		return "", errors.New("is not set")
	}
	return value, nil
}

// uriParts are the offsets at which the parts of a URI begin. A part that is not
// there has no length.
type uriParts struct {
	text                        string
	userInfo, host, path, query int
}

// partsOf divides a URI that need not be valid.
func partsOf(uri string) uriParts {
	p := uriParts{text: uri, query: len(uri)}
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		p.query = i
	}
	place := uri[:p.query]
	colon := strings.IndexByte(place, ':')
	if colon < 0 {
		p.userInfo, p.host, p.path = p.query, p.query, p.query
		return p
	}
	start := colon + 1
	if !strings.HasPrefix(place[start:], "//") {
		p.userInfo, p.host, p.path = start, start, start
		return p
	}
	p.userInfo = start + len("//")
	p.path = p.query
	if i := strings.IndexByte(place[p.userInfo:], '/'); i >= 0 {
		p.path = p.userInfo + i
	}
	p.host = p.userInfo
	if i := strings.LastIndexByte(place[p.userInfo:p.path], '@'); i >= 0 {
		p.host = p.userInfo + i + 1
	}
	return p
}

// encode returns value as it may stand at the offset at.
func (p uriParts) encode(at int, value string) (string, error) {
	switch {
	case at < p.userInfo:
		return value, nil
	case at < p.host || at >= p.query:
		return escape(value, ""), nil
	case at >= p.path:
		return escape(value, "/"), nil
	case at == p.userInfo && strings.HasPrefix(value, "/"):
		return escape(value, "/"), nil
	case strings.ContainsAny(value, "/?#@%\\") || strings.ContainsFunc(value, unicode.IsSpace):
		return "", errors.New("is not a host")
	}
	return value, nil
}

// parameter returns the name of the parameter in whose value the offset at lies.
func (p uriParts) parameter(at int) string {
	if at < p.query {
		return ""
	}
	before := p.text[p.query:at]
	name, _, inValue := strings.Cut(before[strings.LastIndexAny(before, "?&")+1:], "=")
	if !inValue {
		return ""
	}
	return name
}

// escape percent-encodes every byte of s but those that RFC 3986, section 2.3,
// calls unreserved, and those in keep.
func escape(s, keep string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte("-._~", c) >= 0, strings.IndexByte(keep, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
