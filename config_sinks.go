package fapilog

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/fapilog/fapilog/internal/nearest"
	"github.com/fapilog/fapilog/sink"
)

// splitSinks splits a list of URIs at its commas. White space around an item is
// trimmed and empty items are dropped; a list of only empty ones is an error,
// and a blank list is no list.
//
// A comma separates where it has nothing before it in its item, or where there
// follows, after optional white space, a registered scheme and a colon or its
// parameters, a registered scheme alone, another comma, or the end. So labels=a,b
// needs no quoting. What has :// after it is an item whatever its scheme:
// loki://h,stdot:// is a mistake in the second, not a strange host in the first.
// For the same reason a scheme that is one slip away from a registered one counts
// as registered: file:a.log,stdot is hardly meant as one file.
// %2C never separates.
func splitSinks(list string) (items []string, err error) {
	for start := 0; start <= len(list); {
		end := start + itemEnd(list[start:])
		if item := strings.TrimSpace(list[start:end]); item != "" {
			items = append(items, item)
		}
		start = end + 1
	}
	if len(items) == 0 && strings.TrimSpace(list) != "" {
		return nil, errors.New("only empty items; want a URI such as stdout, or unset it for the console")
	}
	return items, nil
}

// itemEnd returns the index of the comma that ends the first item of list, or
// len(list).
func itemEnd(list string) int {
	empty := true
	for i, c := range list {
		if c == ',' && (empty || beginsItem(list[i+1:])) {
			return i
		}
		empty = empty && unicode.IsSpace(c)
	}
	return len(list)
}

var schemePrefix = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*`)

// beginsItem reports whether s is what stands after a comma that separates.
func beginsItem(s string) bool {
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	scheme := schemePrefix.FindString(s)
	rest := s[len(scheme):]
	switch {
	case s == "" || s[0] == ',':
		return true
	case scheme == "":
		return false
	case strings.HasPrefix(rest, "://"):
		return true
	}
	if _, known := nearest.Within(1, scheme, sink.Schemes()); !known {
		return false
	}
	if strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "?") {
		return true
	}
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	return rest == "" || rest[0] == ','
}
