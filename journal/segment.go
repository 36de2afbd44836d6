package journal

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

const (
	bytesPerWord = 8
	pageBytes    = 4 << 10 // the least that systems back memory with
)

// segment is a stretch of the log: memory for frames and where in the log it
// lies. Its place changes only while it is neither linked nor pinned.
type segment struct {
	words    []uint64 // the memory; words, so that frames are aligned
	data     []byte   // the same memory
	base     uint64   // offset of its first byte
	firstSeq uint64   // sequence of its first frame
	lap      uint32   // how many times this memory has been a segment

	_ [64]byte // appends read what is above; what is below changes with readers

	// Guarded by Journal.mu.
	sealed   bool   // another follows it; end and endSeq are set
	end      uint64 // offset behind its last frame
	endSeq   uint64 // sequence behind its last frame
	next     *segment
	pins     int  // readers that are in it
	unlinked bool // to be freed by the last of them
}

func newSegment(bytes int64) *segment {
	words := make([]uint64, bytes/bytesPerWord)
	return &segment{
		words: words,
		data:  unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), bytes),
	}
}

// touch makes the system back the segment's memory.
func (s *segment) touch() {
	for i := 0; i < len(s.data); i += pageBytes {
		s.data[i] = 0
	}
}

// state loads the first word of the frame at off.
func (s *segment) state(off uint64) (frameState, int) {
	st, length, lap := unpackState(atomic.LoadUint64(&s.words[(off-s.base)/bytesPerWord+wordState]))
	if lap != s.lap || st != reserved && st != published {
		panic(fmt.Sprintf("journal: broken frame at %d: state %d, lap %d instead of %d", off, st, lap, s.lap))
	}
	return st, length
}

// publishedUpTo returns the offset of the first frame in [from, to) that is not
// published, or to.
func (s *segment) publishedUpTo(from, to uint64) uint64 {
	for from < to {
		st, length := s.state(from)
		if st != published {
			break
		}
		from += frameBytes(length)
	}
	return from
}
