package encode

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// isPlainText reports whether every string in the JSON src ends with the next quotation
// mark, and none can hold a password: there is no backslash, no control character and
// no @.
func isPlainText(src []byte) bool {
	if bytes.IndexByte(src, '\\') >= 0 || bytes.IndexByte(src, '@') >= 0 {
		return false
	}
	_, control := survey(src)
	return !control
}

// isPlainLine reports whether appendWhole would take text. It is faster with long ones.
func isPlainLine(text []byte) bool {
	if bytes.IndexByte(text, '"') >= 0 || bytes.IndexByte(text, '\\') >= 0 || bytes.IndexByte(text, '@') >= 0 {
		return false
	}
	beyond, control := survey(text)
	return !beyond && !control
}

// survey reports whether there are bytes beyond ASCII, and control characters.
func survey(src []byte) (beyond, control bool) {
	var all, low uint64 // low has the highest bits of bytes that are control characters, and perhaps of some above
	for ; len(src) >= 32; src = src[32:] {
		s := src[:32:32]
		w0, w1 := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
		w2, w3 := binary.LittleEndian.Uint64(s[16:]), binary.LittleEndian.Uint64(s[24:])
		all |= w0 | w1 | w2 | w3
		low |= (w0-ones*' ')&^w0 | (w1-ones*' ')&^w1 | (w2-ones*' ')&^w2 | (w3-ones*' ')&^w3
	}
	for ; len(src) >= 8; src = src[8:] {
		w := binary.LittleEndian.Uint64(src)
		all |= w
		low |= (w - ones*' ') &^ w
	}
	for _, c := range src {
		all |= uint64(c)
		low |= uint64(c-' ') &^ uint64(c)
	}
	return all&highs != 0, low&highs != 0
}

// quoteFrom returns the index of the first quotation mark from src[i] on, or len(src).
// It is made for strings as short as keys are.
func quoteFrom(src string, i int) int {
	for ; i+8 <= len(src); i += 8 {
		quote := load(src, i) ^ ones*'"'
		if m := (quote - ones) &^ quote & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(src) && src[i] != '"' {
		i++
	}
	return i
}

// cleanEnd returns the index of the first byte from src[i] on that ends a string,
// or is not to stand in one as it is, or is an @, without which there is no password
// in it.
func cleanEnd(src string, i int) int {
	for ; i+8 <= len(src); i += 8 {
		w := load(src, i)
		// Of a byte below 0x80 that is looked for, the subtraction sets the highest bit,
		// and so it can in the bytes above it; of all others below 0x80 it does not.
		m := (w - ones*' ') | (w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones) | (w ^ ones*'@' - ones)
		if m = m &^ w & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(src) && (isPlain[src[i]] || src[i] >= utf8.RuneSelf) {
		i++
	}
	return i
}
