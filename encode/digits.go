package encode

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// maxDigits is the length of the longest uint64 in base 10.
const maxDigits = 20

// appendInt appends n in base 10.
func appendInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendUint(append(dst, '-'), -uint64(n))
	}
	return appendUint(dst, uint64(n))
}

// appendUint appends n in base 10.
func appendUint(dst []byte, n uint64) []byte {
	const limit = 1e8
	dst = slices.Grow(dst, maxDigits)
	if n < limit {
		return appendLeading(dst, n)
	}
	if n < limit*limit {
		dst = appendLeading(dst, n/limit)
	} else {
		dst = appendLeading(dst, n/(limit*limit))
		dst = binary.LittleEndian.AppendUint64(dst, digits(n/limit%limit)|zeros)
	}
	return binary.LittleEndian.AppendUint64(dst, digits(n%limit)|zeros)
}

// appendLeading appends n, which is less than 10⁸, without zeros before it. dst has room
// for eight bytes.
func appendLeading(dst []byte, n uint64) []byte {
	d := digits(n)
	skip := bits.TrailingZeros64(d|1<<56) / 8 // the last digit counts also if it is zero
	end := len(dst) + 8 - skip
	binary.LittleEndian.PutUint64(dst[len(dst):len(dst)+8], (d|zeros)>>(8*skip))
	return dst[:end]
}

const zeros = '0' * ones

// digits returns the eight decimal digits of n, which is less than 10⁸, a byte each, the
// first in the lowest: halves are divided by 10,000, quarters by 100 and eighths by
// 10, all that stand in the word at once. (The multiplications for divisions are exact
// for numbers of four and of two digits: Warren, Hacker's Delight, chapter 10.)
func digits(n uint64) uint64 {
	n = n/10_000 | n%10_000<<32
	hundreds := n * 10_486 >> 20 & 0x0000_007f_0000_007f
	n = hundreds | (n-100*hundreds)<<16
	tens := n * 103 >> 10 & 0x000f_000f_000f_000f
	return tens | (n-10*tens)<<8
}
