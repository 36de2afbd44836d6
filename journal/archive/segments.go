package archive

import (
	"io"
	"math"
	"slices"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// segment is a segment file that holds records.
type segment struct {
	life.Segment        // EndSeq: 1 + the sequence of its last record, as far as that is known
	lost         uint64 // records before its first one of which nothing is left
}

// rescued reports whether the header is damaged and made from what the frames say.
func (s *segment) rescued() bool { return s.Ordinal == frame.Unknown }

// findLost finds out which records are missing between the segments, and leaves
// segments out that tell of none. Those that every cursor had passed are not
// missed: a segment may be used again while an earlier one is not. While a life is
// in use they may be evicted ones, or lie in a segment that was started after its
// file was looked at.
func (l *chapter) findLost() {
	settled := uint64(math.MaxUint64)
	for _, m := range l.marks {
		settled = min(settled, m.Next)
	}
	if len(l.marks) == 0 {
		settled = 0
	}
	for i := 1; i < len(l.segments); i++ {
		last, s := &l.segments[i-1], &l.segments[i]
		if !last.rescued() || s.rescued() {
			last.EndSeq = last.Seen
		}
		if !l.busy || s.rescued() {
			s.lost = s.FirstSeq - min(s.FirstSeq, max(settled, last.EndSeq))
		}
	}
	l.segments = slices.DeleteFunc(l.segments, func(s segment) bool { return s.EndSeq <= s.FirstSeq && s.lost == 0 })
}

// open opens the segment's file, or reports false when it holds other records by
// now, or none.
func (s *segment) open() (f disk.File, ok bool) {
	f, err := files.OpenRead(s.Path)
	if err != nil {
		return nil, false
	}
	if !s.unchanged(f) {
		f.Close()
		return nil, false
	}
	return f, true
}

// unchanged reports whether f still holds the records it did.
func (s *segment) unchanged(f io.ReaderAt) bool {
	page := make([]byte, frame.Page)
	_, _ = f.ReadAt(page, 0) // what cannot be read is zeros
	h, err := frame.ReadHeader(page)
	if s.rescued() {
		return err != nil
	}
	h.Created = s.Created // which is the life's
	return err == nil && h == s.SegmentHeader
}
