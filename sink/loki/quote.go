package loki

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const hexDigits = "0123456789abcdef"

// appendString appends text, which is to be UTF-8, as a string of JSON (RFC 8259,
// section 7).
func appendString[T string | []byte](dst []byte, text T) []byte {
	return append(appendEscaped(append(dst, '"'), text), '"')
}

func appendEscaped[T string | []byte](dst []byte, text T) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"', c == '\\':
			dst = append(dst, '\\', c)
		case c >= 0x20:
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

// wordBytes is how many bytes appendLine takes at once.
const wordBytes = 8

// appendLine is appendString for a line that is JSON itself and so has something to
// escape every few bytes, but hardly ever control characters. It takes it by words.
func appendLine(dst, line []byte) []byte {
	dst = slices.Grow(dst, 2*len(line)+2*wordBytes)
	room := dst[:cap(dst)]
	n := len(dst)
	room[n] = '"'
	n++
	rest, odd := line, uint64(0)
	for ; len(rest) >= wordBytes; rest = rest[wordBytes:] {
		w := binary.LittleEndian.Uint64(rest)
		odd |= controls(w)
		n += putEscaped(room[n:], w)
	}
	if odd != 0 {
		return appendString(dst, line)
	}
	return append(appendEscaped(room[:n], rest), '"')
}

// putEscaped puts the bytes of w, the lowest first, at the start of dst with a \ before
// each " and \, and returns how many it has put. It may write to three words.
func putEscaped(dst []byte, w uint64) int {
	dst = dst[: 3*wordBytes : 3*wordBytes]
	binary.LittleEndian.PutUint64(dst, w)
	n := uint(0)
	for m := equal(w, '"') | equal(w, '\\'); m != 0; m &= m - 1 {
		// What is behind it moves by one byte, what is before it stays.
		bit := uint(bits.TrailingZeros64(m)) &^ 7 & 63
		at := (bit/8 + n) & (2*wordBytes - 1)
		n++
		dst[at] = '\\'
		binary.LittleEndian.PutUint64(dst[at+1:], w>>bit)
	}
	return wordBytes + int(n)
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
	lows  = 0x7f * ones
)

// equal returns a word with the highest bit set of each byte that is c in w
// (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
func equal(w uint64, c byte) uint64 {
	x := w ^ uint64(c)*ones
	return ^(x&lows + lows | x | lows)
}

// controls returns 0 if no byte of w is below 0x20
// (https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord).
func controls(w uint64) uint64 { return (w - 0x20*ones) & ^w & highs }
