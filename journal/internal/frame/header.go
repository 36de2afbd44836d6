package frame

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/bits"
)

// Page is the bytes of a segment file before its first frame.
const Page = 4096

// MaxSegmentBytes is the largest [SegmentHeader.SegmentBytes]: what a tail's 32
// bits can say, see [Tail].
const MaxSegmentBytes = (1<<32 - 2) * 4

// Unknown is the ordinal and the base in a header that [Rescue] has made.
const Unknown = ^uint64(0)

var (
	// ErrNewer says that a segment is of a version, or in a byte order, that this
	// one cannot read. It is to be left as it is.
	ErrNewer = errors.New("segment of another version or byte order")
	// ErrDamaged says that no copy of a header is valid.
	ErrDamaged = errors.New("segment header damaged")
)

// SegmentHeader says what the frames of a segment file are. It is in the file
// twice, at bytes 0 and 512 of the header page, so that a kill while one copy is
// written leaves the other.
type SegmentHeader struct {
	ID           [16]byte // of the life
	Created      int64    // when the life began, in Unix nanoseconds; the same in all its segments
	SegmentBytes uint64   // bytes for frames, a multiple of 8
	Ordinal      uint64   // how many segments the life had installed before
	Lap          uint32   // how many times this file has been installed, this one included
	Base         uint64   // offset of the first frame in the life
	FirstSeq     uint64   // sequence of the first frame
	Installed    int64    // in Unix nanoseconds
}

// A copy of the header is twelve words: the magic as bytes, version and byte
// order, the life's id as bytes in two words, Created, SegmentBytes, Ordinal, Lap,
// Base, FirstSeq, Installed, and the CRC-32C of all that. Every version keeps the
// first two and the CRC where they are.
const (
	magic       = "fapilogJ"
	version     = 1
	orderMark   = 0x01020304
	copyBytes   = 512
	headerBytes = 12 * wordBytes
	sumAt       = headerBytes - wordBytes
)

// Put writes a copy of h into page: copy 0 or copy 1. To install a segment is to
// write one after the other, so that one is valid at every moment. page is at
// least [Page] bytes and may be mapped memory: it is written in place, word by
// word, the CRC last.
func (h *SegmentHeader) Put(page []byte, copy int) {
	b := page[:Page][copy*copyBytes:][:headerBytes:headerBytes]
	put := func(word int, w uint64) { binary.NativeEndian.PutUint64(b[word*wordBytes:], w) }
	put(0, binary.NativeEndian.Uint64([]byte(magic)))
	put(1, orderMark<<32|version)
	put(2, binary.NativeEndian.Uint64(h.ID[:8]))
	put(3, binary.NativeEndian.Uint64(h.ID[8:]))
	put(4, uint64(h.Created))
	put(5, h.SegmentBytes)
	put(6, h.Ordinal)
	put(7, uint64(h.Lap))
	put(8, h.Base)
	put(9, h.FirstSeq)
	put(10, uint64(h.Installed))
	put(11, uint64(crc32.Checksum(b[:sumAt], castagnoli)))
}

// ReadHeader returns the valid copy with the higher ordinal of a header page. The
// error is [ErrDamaged], also if page is shorter than [Page], or [ErrNewer].
func ReadHeader(page []byte) (SegmentHeader, error) {
	if len(page) < Page {
		return SegmentHeader{}, ErrDamaged
	}
	a, errA := readCopy(page[:headerBytes])
	b, errB := readCopy(page[copyBytes:][:headerBytes])
	switch {
	case errA == nil && (errB != nil || a.Ordinal >= b.Ordinal):
		return a, nil
	case errB == nil:
		return b, nil
	case errA == ErrNewer || errB == ErrNewer:
		return SegmentHeader{}, ErrNewer
	}
	return SegmentHeader{}, ErrDamaged
}

func readCopy(b []byte) (h SegmentHeader, err error) {
	get := func(word int) uint64 { return binary.NativeEndian.Uint64(b[word*wordBytes:]) }
	if string(b[:len(magic)]) != magic {
		return h, ErrDamaged
	}
	// The CRC before the version: a bit that flips in that is damage.
	sum := uint64(crc32.Checksum(b[:sumAt], castagnoli))
	if get(11) != sum && bits.ReverseBytes64(get(11)) != sum {
		return h, ErrDamaged
	}
	if w := get(1); w != orderMark<<32|version {
		if foreign(w) {
			return h, ErrNewer
		}
		return h, ErrDamaged
	}
	copy(h.ID[:], b[2*wordBytes:])
	h.Created = int64(get(4))
	h.SegmentBytes = get(5)
	h.Ordinal = get(6)
	h.Lap = uint32(get(7))
	h.Base = get(8)
	h.FirstSeq = get(9)
	h.Installed = int64(get(10))
	if get(7) != uint64(h.Lap) || !h.plausible() {
		return SegmentHeader{}, ErrDamaged
	}
	return h, nil
}

// plausible says whether a journal can have written h. What is computed from such
// a header does not overflow.
func (h *SegmentHeader) plausible() bool {
	return h.Lap != 0 && h.Ordinal != Unknown &&
		h.SegmentBytes >= Header && h.SegmentBytes <= MaxSegmentBytes && h.SegmentBytes%wordBytes == 0 &&
		h.FirstSeq <= maxSeq
}

// maxSeq is beyond the sequence of every record: at ten million a second, a life
// reaches it after 228 years.
const maxSeq = 1 << 56

// foreign says whether w, a header's version and byte order, is one that an other
// version or an other machine can have written.
func foreign(w uint64) bool {
	if w>>32 != orderMark {
		w = bits.ReverseBytes64(w)
		return w>>32 == orderMark && uint32(w) != 0
	}
	return uint32(w) > version
}
