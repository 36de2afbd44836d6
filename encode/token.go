package encode

import (
	"encoding/binary"
	"math/bits"
)

// The functions here read the tokens of RFC 8259; each returns the index behind
// one.

// stringEnd returns the index behind the closing quotation mark of the JSON string
// whose content begins at src[i], and whether there is a backslash in it.
func stringEnd(src []byte, i int) (end int, escaped bool, _ status) {
	for {
		for i+8 <= len(src) {
			m := special(binary.LittleEndian.Uint64(src[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i == len(src) {
			return i, escaped, truncated
		}
		switch c := src[i]; {
		case c == '"':
			return i + 1, escaped, scanned
		case c == '\\':
			escaped = true
			n, st := escapeSize(src[i:])
			if st != scanned {
				return i, escaped, st
			}
			i += n
		case c < ' ':
			return i, escaped, invalid
		default:
			i++
		}
	}
}

// escapeSize returns the length of the escape at the start of src.
func escapeSize(src []byte) (int, status) {
	if len(src) < 2 {
		return 0, truncated
	}
	switch src[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, scanned
	case 'u':
		for i := 2; i < 6; i++ {
			if i == len(src) {
				return 0, truncated
			}
			if _, ok := hexValue(src[i]); !ok {
				return 0, invalid
			}
		}
		return 6, scanned
	}
	return 0, invalid
}

func hexValue(c byte) (rune, bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10, true
	}
	return 0, false
}

// scalarEnd returns the index behind the number or literal at src[i].
func scalarEnd(src []byte, i int) (int, status) {
	switch src[i] {
	case 't':
		return literalEnd(src, i, "true")
	case 'f':
		return literalEnd(src, i, "false")
	case 'n':
		return literalEnd(src, i, "null")
	}
	return numberEnd(src, i)
}

func literalEnd(src []byte, i int, literal string) (int, status) {
	if end := i + len(literal); end <= len(src) && string(src[i:end]) == literal {
		return end, scanned
	}
	for j := range len(literal) {
		if i+j == len(src) {
			return i + j, truncated
		}
		if src[i+j] != literal[j] {
			return i + j, invalid
		}
	}
	return i + len(literal), scanned
}

// numberEnd follows the grammar of RFC 8259, section 6.
func numberEnd(src []byte, i int) (int, status) {
	if src[i] == '-' {
		i++
	}
	if i < len(src) && src[i] == '0' {
		i++
	} else {
		end := digitsEnd(view(src), i)
		if end == i {
			return i, missing(src, i)
		}
		i = end
	}
	if i < len(src) && src[i] == '.' {
		end := digitsEnd(view(src), i+1)
		if end == i+1 {
			return end, missing(src, end)
		}
		i = end
	}
	if i < len(src) && (src[i] == 'e' || src[i] == 'E') {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		end := digitsEnd(view(src), i)
		if end == i {
			return end, missing(src, end)
		}
		i = end
	}
	return i, scanned
}

// digitsEnd returns the index of the first byte from src[i] on that is no decimal digit.
func digitsEnd(src string, i int) int {
	for ; i+8 <= len(src); i += 8 {
		if m := noDigits(load(src, i)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(src) && '0' <= src[i] && src[i] <= '9' {
		i++
	}
	return i
}

// noDigits returns a word whose lowest set bit is in the lowest byte of w that is no
// decimal digit, or zero if there is none.
func noDigits(w uint64) uint64 {
	w ^= zeros // a digit is less than 10 now; what is more has the highest bit, or its sum has
	return (w + (0x80-10)*ones | w) & highs
}

// missing says why there is nothing of use at src[i].
func missing(src []byte, i int) status {
	if i >= len(src) {
		return truncated
	}
	return invalid
}

// skipBlank returns the index of the first byte from src[i] on that is not JSON
// white space.
func skipBlank(src []byte, i int) int {
	for i < len(src) && isBlank(src[i]) {
		i++
	}
	return i
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// trimBlank returns b without the JSON white space around it.
func trimBlank(b []byte) []byte {
	b = b[skipBlank(b, 0):]
	for len(b) > 0 && isBlank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
