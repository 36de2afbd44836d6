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

// Segment is a segment file of a dead life. Its Ordinal and Base are
// [frame.Unknown] if its header had to be rebuilt from its frames.
type Segment struct {
	Path string
	frame.SegmentHeader
	EndSeq   uint64 // the sequence behind its last record: the next segment's FirstSeq, the last one's is Dead.End
	Bytes    uint64 // of frames
	FileSize int64  // less than frame.Page + SegmentBytes if it is cut short
}

// segmentReader finds out what a locked life's segments are. It reads a page of
// each, and more of the last one and of those that are damaged.
type segmentReader struct {
	life *Life

	segments []Segment
	end      uint64
	problems []error
}

// read returns an error that matches [ErrNewer], or one of the file system.
func (r *segmentReader) read() error {
	entries, err := r.life.fsys.ReadDir(r.life.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if kindOf(e) != segmentKind || filepath.Ext(e.Name()) != segmentSuffix {
			continue
		}
		if err := r.add(filepath.Join(r.life.Dir, e.Name())); err != nil && !vanished(err) {
			return err
		}
	}
	r.order()
	return r.measure()
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

// order sorts the segments by their first sequences. Of those that begin with the
// same one it keeps what was installed last. The others have no records, as it
// happens when a segment is given up for an error before its first record, or they
// are copies.
func (r *segmentReader) order() {
	slices.SortFunc(r.segments, func(a, b Segment) int {
		return cmp.Or(
			cmp.Compare(a.FirstSeq, b.FirstSeq),
			cmp.Compare(b.Ordinal+1, a.Ordinal+1), // with Unknown as the least
			cmp.Compare(b.Installed, a.Installed), // a copy, made because the other lacks records
			cmp.Compare(b.FileSize, a.FileSize),
			cmp.Compare(a.Path, b.Path),
		)
	})
	all := r.segments
	r.segments = nil
	for _, s := range all {
		n := len(r.segments)
		if n == 0 || r.segments[n-1].FirstSeq != s.FirstSeq {
			r.segments = append(r.segments, s)
			continue
		}
		if off, _, err := r.scan(s); err != nil || off > 0 {
			r.problem(s.Path, "ignored: %s begins with the same record, %d", filepath.Base(r.segments[n-1].Path), s.FirstSeq)
		}
	}
}

// measure sets what depends on the next segment, or on the frames.
func (r *segmentReader) measure() error {
	last := len(r.segments) - 1
	for i := range r.segments {
		s := &r.segments[i]
		s.Created = r.life.Created
		if i < last {
			next := r.segments[i+1]
			s.EndSeq = next.FirstSeq
			if s.Bytes = next.Base - s.Base; s.precedes(next) && s.Bytes <= s.SegmentBytes {
				continue
			}
		}
		bytes, end, err := r.scan(*s)
		if err != nil {
			return err
		}
		s.Bytes = bytes
		if i == last {
			r.end = max(end, s.FirstSeq)
			s.EndSeq = r.end
		}
	}
	return nil
}

// precedes reports that next was installed right after s.
func (s *Segment) precedes(next Segment) bool {
	return s.Ordinal != frame.Unknown && s.Ordinal+1 == next.Ordinal
}

// scan returns the bytes of frames in s and the sequence behind the last one.
func (r *segmentReader) scan(s Segment) (bytes, end uint64, err error) {
	f, err := r.life.fsys.OpenRead(s.Path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	bytes, end = frame.End(f, readPage(f)[:], s.SegmentHeader)
	return bytes, end, nil
}
