package encode

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// tenTo8 is the least number that has more digits than a word has bytes.
const tenTo8 = 1e8

// maxDigits is the length of the longest uint64 in base 10.
const maxDigits = 20

// appendInt appends n in base 10.
func appendInt(dst []byte, n int64) []byte {
	if uint64(n) >= tenTo8 {
		return appendLong(dst, n)
	}
	room := dst[len(dst):cap(dst)]
	if len(room) < 8 {
		return appendInt(slices.Grow(dst, maxDigits), n)
	}
	d := digits(uint64(n))
	skip := bits.TrailingZeros64(d|1<<56) / 8 // the last digit counts also if it is zero
	binary.LittleEndian.PutUint64(room, (d|zeros)>>(8*skip))
	return dst[:len(dst)+8-skip]
}

// appendLong is appendInt for an n of more than eight digits or with a sign.
func appendLong(dst []byte, n int64) []byte {
	if n < 0 {
		return appendUint(append(dst, '-'), -uint64(n))
	}
	return appendUint(dst, uint64(n))
}

// appendUint appends n in base 10.
func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n < tenTo8:
		return appendInt(dst, int64(n))
	case n < tenTo8*tenTo8:
		dst = appendInt(dst, int64(n/tenTo8))
	default:
		dst = appendInt(dst, int64(n/(tenTo8*tenTo8)))
		dst = binary.LittleEndian.AppendUint64(dst, digits(n/tenTo8%tenTo8)|zeros)
	}
	return binary.LittleEndian.AppendUint64(dst, digits(n%tenTo8)|zeros)
}

const zeros = '0' * ones

// digits returns the eight decimal digits of n, which is less than 10⁸, a byte each, the
// first in the lowest: halves are divided by 10,000, quarters by 100 and eighths by
// 10, all that stand in the word at once. Each of them then becomes its quotient q and,
// s bits above, its remainder n-d·q: together q + (n-d·q)·2ˢ, or n·2ˢ - q·(d·2ˢ-1). (The
// multiplications for divisions are exact for numbers of four and of two digits:
// Warren, Hacker's Delight, chapter 10.)
func digits(n uint64) uint64 {
	q := uint64(uint32(n) / 10_000)
	n = n<<32 - q*(10_000<<32-1)
	q = n * 10_486 >> 20 & 0x0000_007f_0000_007f
	n = n<<16 - q*(100<<16-1)
	q = n * 103 >> 10 & 0x000f_000f_000f_000f
	return n<<8 - q*(10<<8-1)
}
