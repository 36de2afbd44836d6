package encode

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// textUnsafe reports whether r would end the line, command a terminal or change
// the order in which the line is read.
func textUnsafe(r rune) bool {
	switch {
	case r < 0x20, 0x7f <= r && r <= 0x9f, // C0, DEL, C1
		r == 0x2028, r == 0x2029, // line and paragraph separator
		0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069: // bidirectional controls
		return true
	}
	return false
}

// textDelimits reports whether a text with r in it has to be quoted.
func textDelimits(r rune) bool {
	return r == '=' || r == '"' || textUnsafe(r) || unicode.IsSpace(r)
}

// textNeedsQuote reports whether s, the inside of a JSON string, has to be quoted.
func textNeedsQuote(s []byte) bool {
	if len(s) == 0 {
		return true
	}
	for len(s) > 0 {
		if n := textPlain(s); n > 0 {
			if bytes.IndexByte(s[:n], ' ') >= 0 || bytes.IndexByte(s[:n], '=') >= 0 {
				return true
			}
			s = s[n:]
			continue
		}
		r, n := fieldsRune(s)
		if textDelimits(r) {
			return true
		}
		s = s[n:]
	}
	return false
}

// appendTextEscaped appends the text of s, the inside of a JSON string, with what is
// unsafe escaped, and in quotes with " and \ escaped too if quote is set.
func appendTextEscaped(dst, s []byte, quote bool) []byte {
	if quote {
		dst = append(dst, '"')
	}
	for len(s) > 0 {
		if n := textPlain(s); n > 0 {
			dst = append(dst, s[:n]...)
			s = s[n:]
			continue
		}
		r, n := fieldsRune(s)
		s = s[n:]
		if quote && (r == '"' || r == '\\') {
			dst = append(dst, '\\')
		}
		dst = appendTextRune(dst, r)
	}
	if quote {
		dst = append(dst, '"')
	}
	return dst
}

// textPlain returns the length of the text at the start of s that is never escaped.
func textPlain(s []byte) int {
	for i, c := range s {
		if c < 0x20 || c >= 0x7f || c == '\\' || c == '"' {
			return i
		}
	}
	return len(s)
}

func appendTextRune(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, '\\', 'n')
	case r == '\r':
		return append(dst, '\\', 'r')
	case r == '\t':
		return append(dst, '\\', 't')
	case textUnsafe(r): // all of them have four digits
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// appendTextJSON appends a JSON value without the white space between its tokens,
// and with what is unsafe in its strings escaped as JSON does.
func appendTextJSON(dst, v []byte) []byte {
	inString := false
	for len(v) > 0 {
		r, n := utf8.DecodeRune(v)
		switch {
		case !inString && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			v = v[n:]
			continue
		case r == '"':
			inString = !inString
		case r == '\\' && len(v) > 1 && (v[1] == '"' || v[1] == '\\'):
			dst = append(dst, '\\', v[1])
			v = v[2:]
			continue
		}
		dst = appendTextRune(dst, r)
		v = v[n:]
	}
	return dst
}

// quoteTextFrom puts dst[start:], in which nothing is unsafe, in quotes if it has
// to be.
func quoteTextFrom(dst []byte, start int) []byte {
	if bytes.IndexFunc(dst[start:], textDelimits) < 0 {
		return dst
	}
	end := len(dst)
	dst = append(dst, '"')
	for _, c := range dst[start:end] {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	dst = append(dst, '"')
	return dst[:start+copy(dst[start:], dst[end:])]
}
