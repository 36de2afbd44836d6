package encode

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// Constants for looking at the eight bytes of a word at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns a word that is zero if all bytes of w may stand in a JSON
// string as they are, and whose lowest set bit is in the lowest byte that may
// not: a control character, quotation mark or backslash. Bytes beyond ASCII may.
// (The method is that of "Bit Twiddling Hacks", "determine if a word has a byte
// less than n": a borrow can only set bits above the lowest true one.)
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((w-ones*' ')&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// appendPlain appends the bytes at the start of text that are ASCII, stand in a JSON
// string as they are and are no @, without which there is no password in it. It
// returns how many they are. They are copied in the same pass, in words: most
// strings are short.
func appendPlain(dst []byte, text string) ([]byte, int) {
	start := len(dst)
	dst = slices.Grow(dst, len(text)+len(`":`))
	out := dst[start : start+len(text)]
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := load(text, i)
		if m := unplain(w); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			return append(dst, text[:i]...), i
		}
		binary.LittleEndian.PutUint64(out[i:], w)
	}
	if len(text) < 8 {
		return appendShort(dst, text)
	}
	// The rest, once more with bytes before it that are known to be plain.
	i = len(text) - 8
	w := load(text, i)
	if m := unplain(w); m != 0 {
		i += bits.TrailingZeros64(m) >> 3
		return append(dst, text[:i]...), i
	}
	binary.LittleEndian.PutUint64(out[i:], w)
	return dst[:start+len(text)], len(text)
}

// appendShort is appendPlain for less than eight bytes, for which dst has room.
func appendShort(dst []byte, text string) ([]byte, int) {
	start := len(dst)
	out := dst[start : start+len(text)]
	if len(text) >= 4 { // two halves, which may overlap
		head, tail := load4(text, 0), load4(text, len(text)-4)
		if unplain(uint64(head)|uint64(tail)<<32) == 0 {
			binary.LittleEndian.PutUint32(out, head)
			binary.LittleEndian.PutUint32(out[len(out)-4:], tail)
			return dst[:start+len(text)], len(text)
		}
	}
	i := 0
	for ; i < len(text) && isPlain[text[i]]; i++ {
		out[i] = text[i]
	}
	return dst[:start+i], i
}

// unplain is special for what appendPlain stops at.
func unplain(w uint64) uint64 {
	at := w ^ ones*'@'
	return special(w) | (w|(at-ones)&^at)&highs
}

var isPlain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\' && c != '@'
	}
	return table
}()

// load returns the eight bytes of text at i, the first of them lowest.
func load(text string, i int) uint64 {
	t := text[i : i+8]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// load4 is load for four bytes.
func load4(text string, i int) uint32 {
	t := text[i : i+4]
	return uint32(t[0]) | uint32(t[1])<<8 | uint32(t[2])<<16 | uint32(t[3])<<24
}

// appendQuoted appends text as a JSON string.
func appendQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, text)
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

// appendEscaped appends text as it stands between the quotation marks of a JSON
// string. As log/slog has it: invalid UTF-8 becomes \ufffd; U+2028 and U+2029,
// which JavaScript takes for the ends of lines, are escaped.
func appendEscaped(dst []byte, text string) []byte {
	for len(text) > 0 {
		var n int
		dst, n = appendPlain(dst, text)
		text = text[n:]
		if len(text) == 0 {
			break
		}
		if c := text[0]; c < utf8.RuneSelf {
			dst = appendASCII(dst, c)
			text = text[1:]
			continue
		}
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case c == '\u2028':
			dst = append(dst, `\u2028`...)
		case c == '\u2029':
			dst = append(dst, `\u2029`...)
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return dst
}

// appendASCII appends an ASCII character at which appendPlain stops.
func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '@':
		return append(dst, c)
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
