package encode

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

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

// plainEnd returns the index of the first byte from src[i] on that ends a string,
// or is not to stand in one as it is, or is an @, without which there is no password
// in it.
func plainEnd(src string, i int) int {
	for ; i+16 <= len(src); i += 16 {
		two := src[i : i+16]
		if m := endsPlain(load(two, 0)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		if m := endsPlain(load(two, 8)); m != 0 {
			return i + 8 + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(src) && (isPlain[src[i]] || src[i] >= utf8.RuneSelf) {
		i++
	}
	return i
}

// endsPlain returns a word whose lowest set bit is in the lowest byte of w that
// plainEnd looks for, or zero if there is none.
func endsPlain(w uint64) uint64 {
	// Of a byte below 0x80 that is looked for, one of the subtractions sets the highest bit,
	// and so it can in the bytes above it; of all others below 0x80 none does. The first
	// one takes control characters and quotation marks: when the bit that tells the latter
	// from a space is turned over, they are what is less than '!'.
	m := w ^ (' '^'"')*ones - '!'*ones
	m |= w ^ '\\'*ones - ones
	m |= w ^ '@'*ones - ones
	return m &^ w & highs
}
