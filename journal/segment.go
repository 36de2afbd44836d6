package journal

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

const (
	bytesPerWord = 8
	pageBytes    = 4 << 10 // the least that systems back memory with
)

// segment is a stretch of the log: memory for frames and where in the log it
// lies. Its place changes only while it is neither linked nor pinned.
type segment struct {
	words    []uint64      // the memory; words, so that frames are aligned. Nil: only the file has the frames
	data     []byte        // the same memory
	base     uint64        // offset of its first byte
	firstSeq uint64        // position of its first frame
	shift    uint64        // position less sequence, modulo 2⁶⁴
	lap      uint32        // how many times this memory has been a segment
	seed     uint32        // of the frames' checks, in a durable journal
	memory   *disk.Mapping // what words and head are part of; nil: the heap
	head     []uint64      // the header page of a segment that is mapped; nil: it is not
	plain    bool          // appends write to its file
	ordinal  uint64        // how many segments of its life were there before it

	_ [64]byte // appends read what is above; what is below changes with readers

	era  *era         // whose records these are
	file *segmentFile // that has the frames as well; nil: memory alone

	faulted atomic.Bool // its mapping or file failed: what is in it may be lost

	// Guarded by Journal.mu.
	sealed   bool   // another follows it; end and endSeq are set
	end      uint64 // offset behind its last frame
	endSeq   uint64 // position behind its last frame
	next     *segment
	pins     int  // readers that are in it
	unlinked bool // to be freed by the last of them
	astray   bool // it was unlinked and is older than segments that were not
	kept     bool // the file has, or will have, all frames that are published
	tries    int  // failed attempts to open its file
	shut     bool // its file could not be opened; the custodian tries again

	stored *life.Segment // of an earlier life
	last   bool          // the last one of an earlier life
}

// newSegment returns a segment on the heap.
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

// mapped reports whether the segment's memory is a file's.
func (s *segment) mapped() bool { return s.head != nil }

// state loads the first word of the frame at off.
func (s *segment) state(off uint64) (frame.State, int) {
	st, length, lap := frame.UnpackState(atomic.LoadUint64(&s.words[(off-s.base)/bytesPerWord+frame.WordState]))
	if lap != s.lap || st == frame.Nothing || off-s.base+frame.Bytes(length) > uint64(len(s.data)) {
		panic(brokenFrame(fmt.Sprintf("journal: broken frame at %d: state %d, length %d, lap %d instead of %d", off, st, length, lap, s.lap)))
	}
	return st, length
}

// brokenFrame is what panics of frames that are not as they were written. In
// memory that is the end of the process; a file may be anybody's doing.
type brokenFrame string

// guard runs f, which looks at the memory of a mapped segment, and returns what it
// ran into.
func (s *segment) guard(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			broken, ok := v.(brokenFrame)
			if !ok {
				panic(v)
			}
			err = errors.New(string(broken))
		}
	}()
	return disk.Guard(f, s.memory)
}

// publishedUpTo returns the offset of the first frame in [from, to) that is not
// published, or to. A frame whose writer gave up is as good as published.
func (s *segment) publishedUpTo(from, to uint64) uint64 {
	for from < to {
		st, length := s.state(from)
		if st == frame.Reserved {
			break
		}
		from += frame.Bytes(length)
	}
	return min(from, to)
}
