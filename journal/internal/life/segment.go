package life

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

// Segment is a segment file of a life. Its Ordinal and Base are
// [frame.Unknown] if its header had to be rebuilt from its frames.
type Segment struct {
	Path string
	frame.SegmentHeader
	Seen     uint64 // the sequence behind the last record that it is known to have had
	EndSeq   uint64 // Seen or more: the sequence behind its last record: the next segment's FirstSeq, the last one's is Dead.End
	Bytes    uint64 // of frames
	FileSize int64  // less than frame.Page + SegmentBytes if it is cut short
}

// segmentReader finds out what a life's segments are. It reads a page of each, and
// more of the last one and of those that are damaged.
type segmentReader struct {
	life *Life
	peek bool // see [Peek]

	segments []Segment
	end      uint64
	problems []error
}

// stable is how often a life that changes is listed, until two readings agree.
const stable = 5

// read returns an error that matches [ErrNewer], or one of the file system.
func (r *segmentReader) read() error {
	for range stable {
		before := r.segments
		if err := r.list(); err != nil {
			return err
		}
		if !r.peek || slices.Equal(before, r.segments) {
			break
		}
	}
	if err := r.measure(); err != nil {
		return err
	}
	r.separate()
	return nil
}

// SegmentFiles returns the names of the segment files in the life's directory, sorted.
func (l *Life) SegmentFiles() (names []string, err error) {
	entries, err := l.fsys.ReadDir(l.Dir)
	for _, e := range entries {
		if kindOf(e) == segmentKind && filepath.Ext(e.Name()) == segmentSuffix {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// list reads the headers.
func (r *segmentReader) list() error {
	names, err := r.life.SegmentFiles()
	if err != nil {
		return err
	}
	r.segments, r.problems = nil, nil
	for _, name := range names {
		if err := r.add(filepath.Join(r.life.Dir, name)); err != nil && !vanished(err) {
			if !r.peek {
				return err
			}
			r.problems = append(r.problems, err)
		}
	}
	return nil
}

func (r *segmentReader) problem(path, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

// add takes the segment at path into the list, if it is one of this life and was
// ever in use.
func (r *segmentReader) add(path string) error {
	f, err := r.life.fsys.OpenRead(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	p := readPage(f)
	h, err := frame.ReadHeader(p[:])
	switch {
	case errors.Is(err, frame.ErrNewer):
		return fmt.Errorf("%s: %w", path, ErrNewer)
	case err != nil:
		var ok bool
		if h, ok = r.rescue(f, path, size, p); !ok {
			return nil
		}
	case h.ID != r.life.ID:
		r.problem(path, "ignored: it is a segment of another journal, %x", h.ID)
		return nil
	}
	if full := frame.Page + int64(h.SegmentBytes); size < full && !trimmed(p, h, size) {
		r.problem(path, "%w: %d of %d bytes are there", ErrDamaged, size, full)
	}
	if r.life.Created == 0 { // the lock file was lost; a header that is rebuilt does not say either
		r.life.Created = h.Created
	}
	r.segments = append(r.segments, Segment{Path: path, SegmentHeader: h, FileSize: size})
	return nil
}

// rescue rebuilds a header that is not valid. A file that is empty, or that was
// prepared and never used, has none to rebuild, and is no damage.
func (r *segmentReader) rescue(f disk.File, path string, size int64, p *page) (frame.SegmentHeader, bool) {
	if h, ok := frame.Rescue(f, size, r.life.ID); ok {
		r.problem(path, "header %w: rebuilt from the records", ErrDamaged)
		return h, true
	}
	if *p != (page{}) {
		r.problem(path, "ignored: header %w, and no record can be read", ErrDamaged)
	}
	return frame.SegmentHeader{}, false
}

// measure sorts the segments by their first records and finds out where each ends:
// where the next installation begins if its file is there, else by its frames. Of
// those with the same first record the first is the one that counts: the one that
// was installed last.
func (r *segmentReader) measure() error {
	slices.SortFunc(r.segments, func(a, b Segment) int {
		return cmp.Or(
			cmp.Compare(a.FirstSeq, b.FirstSeq),
			cmp.Compare(b.Ordinal+1, a.Ordinal+1), // with Unknown as the least
			cmp.Compare(b.Installed, a.Installed), // a copy, made because the other lacks records
			cmp.Compare(b.FileSize, a.FileSize),
			cmp.Compare(a.Path, b.Path),
		)
	})
	for i := range r.segments {
		s, behind := &r.segments[i], r.segments[i+1:]
		s.Created = r.life.Created
		if n := slices.IndexFunc(behind, s.precedes); n >= 0 {
			s.Bytes, s.Seen = behind[n].Base-s.Base, behind[n].FirstSeq
			continue
		}
		if err := r.scan(s); err != nil {
			return err
		}
	}
	return nil
}

// separate keeps one of the segments that claim the same records: one of them is
// a copy, or has none, as it happens when a segment is given up for an error before
// its first record.
func (r *segmentReader) separate() {
	all := r.segments
	r.segments = nil
	for _, s := range all {
		n := len(r.segments)
		if n == 0 {
			r.segments = append(r.segments, s)
			continue
		}
		last := &r.segments[n-1]
		within := s.FirstSeq < last.Seen && s.Seen <= last.Seen && s.Ordinal+1 <= last.Ordinal+1
		if s.FirstSeq != last.FirstSeq && !within {
			last.Seen, last.EndSeq = min(last.Seen, s.FirstSeq), s.FirstSeq
			r.segments = append(r.segments, s)
		} else if s.Bytes > 0 {
			r.problem(s.Path, "ignored: %s has the same record, %d", filepath.Base(last.Path), s.FirstSeq)
		}
	}
	if n := len(r.segments); n > 0 {
		last := &r.segments[n-1]
		last.EndSeq, r.end = last.Seen, last.Seen
	}
}

// precedes reports that next was installed right after s.
func (s *Segment) precedes(next Segment) bool {
	return s.Ordinal != frame.Unknown && s.Ordinal+1 == next.Ordinal && next.Base-s.Base <= s.SegmentBytes
}

// scan finds the end of s by its frames. One that has vanished has none.
func (r *segmentReader) scan(s *Segment) error {
	s.Seen = s.FirstSeq
	f, err := r.life.fsys.OpenRead(s.Path)
	if r.peek && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	bytes, end := frame.End(f, readPage(f)[:], s.SegmentHeader)
	s.Bytes, s.Seen = bytes, max(end, s.FirstSeq)
	return nil
}
