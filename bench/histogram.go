package main

import (
	"math/bits"
	"time"
)

// subBits gives each power of two 128 buckets: a value read back from its middle
// is wrong by at most 1/256.
const subBits = 7

// histogram counts times in buckets whose width grows with them. It is for one
// goroutine and allocates nothing.
type histogram struct {
	counts [(63 - subBits + 1) << subBits]uint64
	n      uint64
}

// add counts one time; a negative one as 0.
func (h *histogram) add(d time.Duration) {
	h.counts[bucket(uint64(max(0, d)))]++
	h.n++
}

// merge adds the times of another.
func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
}

// bucket returns v itself below 2^subBits; above, the power of two and the
// subBits bits that follow the highest one.
func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-subBits-1)
	return shift<<subBits + int(v>>shift)
}

// bounds returns the least value of bucket i, and that of the next one.
func bounds(i int) (low, next float64) {
	shift := max(0, i>>subBits-1)
	base := uint64(i - shift<<subBits)
	return float64(base << shift), float64((base + 1) << shift)
}

// quantile returns a time that a share q of all stayed within, in nanoseconds; of
// none it is 0.
func (h *histogram) quantile(q float64) float64 {
	rank, seen := uint64(q*float64(h.n)), uint64(0)
	for i, n := range h.counts {
		if seen += n; n > 0 && seen > min(rank, h.n-1) {
			low, next := bounds(i)
			return low + (next-low-1)/2
		}
	}
	return 0
}

// over returns how many times were longer than d, by the buckets' borders.
func (h *histogram) over(d time.Duration) (n uint64) {
	for _, c := range h.counts[bucket(uint64(d))+1:] {
		n += c
	}
	return n
}
