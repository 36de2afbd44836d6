package encode

import (
	"encoding/binary"
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

// appendWhole appends text if every byte of it is ASCII, may stand in a JSON string as
// it is and is no @, without which there is no password in it; or else returns dst
// as it was and not ok. Most strings are such ones, and short: they are copied while
// they are looked at, and nothing is decided before the end.
func appendWhole(dst []byte, text string) (_ []byte, ok bool) {
	start, n := len(dst), len(text)
	if cap(dst)-start < n+roomBehind {
		return appendWhole(slices.Grow(dst, n+roomBehind), text)
	}
	out := dst[start:cap(dst)][:n]        // says that there are n bytes, so that no index is checked
	good, all := uint64(highs), uint64(0) // what plain says of all words, and their bits
	switch {
	case n >= 8:
		for i := 0; i < n-8; i += 8 {
			w := load(text, i)
			binary.LittleEndian.PutUint64(out[i:i+8], w)
			good &= plain(w)
			all |= w
		}
		w := load(text, n-8) // the rest, and bytes before it once more
		binary.LittleEndian.PutUint64(out[n-8:n], w)
		good &= plain(w)
		all |= w
	case n >= 4: // two halves, which may overlap
		head, tail := load4(text, 0), load4(text, n-4)
		binary.LittleEndian.PutUint32(out, head)
		binary.LittleEndian.PutUint32(out[n-4:n], tail)
		all = uint64(head) | uint64(tail)<<32
		good = plain(all)
	default:
		for i := range n {
			out[i] = text[i]
			if !isPlain[text[i]] {
				good = 0
			}
		}
	}
	if good&^all&highs != highs {
		return dst[:start], false
	}
	return dst[:start+n], true
}

// roomBehind is what appendWhole leaves room for behind the text, in bytes: a quotation
// mark and a colon, a comma and the quotation mark of the next.
const roomBehind = len(`":,"`)

// plain returns a word that has the highest bit of every byte set if all bytes of w
// are what appendWhole takes, or beyond ASCII. Where they are not, at least one of these
// bits is not: the sums carry into the next byte only from one beyond ASCII. (With their
// second bit flipped, a quotation mark is a space, and of what is above it nothing is.)
func plain(w uint64) uint64 {
	const most = 0x7f * ones
	return (w ^ 2*ones + most - ' '*ones) & (w ^ '\\'*ones + most) & (w ^ '@'*ones + most)
}

// plainPrefix returns how many bytes at the start of text are plain.
func plainPrefix(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if w := load(text, i); plain(w)&^w&highs != highs {
			break
		}
	}
	for ; i < len(text) && isPlain[text[i]]; i++ {
	}
	return i
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
	dst, _ = appendEscapedLine(dst, text)
	return dst
}

// appendEscapedLine is appendEscaped, and reports whether there is a colon behind one of the
// quotation marks, as behind the key of a member.
func appendEscapedLine(dst []byte, text string) (_ []byte, hasKey bool) {
	for len(text) > 0 {
		n := plainPrefix(text)
		dst = append(dst, text[:n]...)
		text = text[n:]
		if len(text) == 0 {
			break
		}
		if c := text[0]; c < utf8.RuneSelf {
			text = text[1:]
			if c == '"' {
				dst = append(dst, '\\', '"')
				hasKey = hasKey || beginsWithColon(text)
			} else {
				dst = appendASCII(dst, c)
			}
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
	return dst, hasKey
}

// beginsWithColon reports whether there is nothing but blanks before a colon.
func beginsWithColon(text string) bool {
	i := 0
	for i < len(text) && isBlank(text[i]) {
		i++
	}
	return i < len(text) && text[i] == ':'
}

// appendASCII appends an ASCII character that is not plain, and no quotation mark.
func appendASCII(dst []byte, c byte) []byte {
	switch c {
	case '@':
		return append(dst, c)
	case '\\':
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
