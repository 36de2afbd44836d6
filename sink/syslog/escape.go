package syslog

import "unicode/utf8"

const hex = "0123456789abcdef"

// isUnsafe reports whether r would end a line, command a terminal, change the order in
// which a line is read, or be taken for a byte order mark.
func isUnsafe(r rune) bool {
	switch {
	case r < 0x20, 0x7f <= r && r <= 0x9f, // C0, DEL, C1
		r == 0x2028, r == 0x2029, // line and paragraph separator
		0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069, // bidirectional controls
		r == 0xfeff:
		return true
	}
	return false
}

// appendSafe appends r, as JSON escapes it if it is unsafe.
func appendSafe(dst []byte, r rune) []byte {
	switch {
	case !isUnsafe(r):
		return utf8.AppendRune(dst, r)
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// appendParam appends r for a PARAM-VALUE: RFC 5424, section 6.3.3. Escapes of
// appendSafe begin with a backslash, which is escaped itself.
func appendParam(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\' || r == ']':
		return append(dst, '\\', byte(r))
	case isUnsafe(r):
		dst = append(dst, '\\')
	}
	return appendSafe(dst, r)
}

// appendLimited appends text through escape. If that makes more than limit bytes, it
// ends before the first character with which mark would not fit, and in mark. limit
// is not less than mark is long, unless the text fits.
func appendLimited(dst, text []byte, limit int, mark []byte, escape func([]byte, rune) []byte) []byte {
	start := len(dst)
	cut := start
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		i += n
		dst = escape(dst, r)
		if len(dst)-start+len(mark) <= limit {
			cut = len(dst)
		}
		if len(dst)-start > limit {
			return append(dst[:cut], mark...)
		}
	}
	return dst
}
