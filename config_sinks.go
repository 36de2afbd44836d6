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
		end := start + itemEnd(list[start:], false)
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

// isSeveral reports whether what should be one URI is a list of them. A name alone
// behind parameters is none here, but an item of a parameter's list:
// loki://h?label-fields=level,file.
func isSeveral(uri string) bool {
	uri = strings.TrimFunc(uri, separates)
	return itemEnd(uri, true) < len(uri)
}

func separates(c rune) bool { return c == ',' || unicode.IsSpace(c) }

// isScheme reports whether an item of a list is a name alone, which might as well be
// an item of a parameter's list in the URI before it.
func isScheme(item string) bool { return schemePrefix.FindString(item) == item }

// itemEnd returns the index of the comma that ends the first item of list, or
// len(list). If list should be one URI, a name alone behind its parameters does
// not begin another.
func itemEnd(list string, one bool) int {
	empty, alone := true, true
	for i, c := range list {
		if c == ',' && (empty || beginsItem(list[i+1:], alone)) {
			return i
		}
		empty = empty && unicode.IsSpace(c)
		alone = alone && (!one || c != '?')
	}
	return len(list)
}

var schemePrefix = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*`)

// beginsItem reports whether s is what stands after a comma that separates: a
// scheme alone only if that is said to do.
func beginsItem(s string, alone bool) bool {
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
	return alone && (rest == "" || rest[0] == ',')
}
