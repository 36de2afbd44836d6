package archive

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

// segment is a segment file that holds records.
type segment struct {
	path    string
	header  frame.SegmentHeader
	rescued bool   // its header is damaged; this one is made from what its frames say
	endSeq  uint64 // 1 + the sequence of its last record, as far as that is known
	bytes   uint64 // of frames
	lost    uint64 // records before its first one of which nothing is left
	size    int64
}

// stable is how often the headers are read until two readings agree, while a
// process starts one segment after the other.
const stable = 5

// readSegments finds the life's segments and what each of them holds.
func (l *chapter) readSegments() error {
	var found []segment
	for range stable {
		again, err := l.readHeaders()
		if err != nil {
			return err
		}
		same := slices.EqualFunc(found, again, func(a, b segment) bool { return a.path == b.path && a.header == b.header })
		if found = again; same {
			break
		}
	}
	slices.SortFunc(found, compare)
	for i := range found {
		found[i].measure(found[i+1:])
	}
	l.segments = l.separate(found)
	for _, s := range l.segments {
		if !s.rescued {
			l.created = s.header.Created
		} else {
			l.problem("%s: the header is damaged; its records are found by searching", filepath.Base(s.path))
		}
	}
	return nil
}

// compare orders segments by their first records. Of those with the same one the
// first is the one that counts: the one installed last, or a copy that was made
// because the other lacks records.
func compare(a, b segment) int {
	return cmp.Or(
		cmp.Compare(a.header.FirstSeq, b.header.FirstSeq),
		cmp.Compare(b.header.Ordinal+1, a.header.Ordinal+1), // frame.Unknown is the least
		cmp.Compare(b.header.Installed, a.header.Installed),
		cmp.Compare(b.size, a.size),
		cmp.Compare(a.path, b.path),
	)
}

// readHeaders reads the header of every segment file that was ever used.
func (l *chapter) readHeaders() (found []segment, err error) {
	entries, err := files.ReadDir(l.dir)
	if err != nil {
		return nil, err
	}
	l.problems, l.newer = nil, false
	for _, e := range entries {
		if !isSegment(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		s, ok, err := l.readHeader(filepath.Join(l.dir, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, frame.ErrNewer):
			l.newer = true
		case err != nil:
			l.problem("%v", err)
		case ok:
			found = append(found, s)
		}
	}
	return found, nil
}

// isSegment reports whether a file has a segment's name.
func isSegment(name string) bool {
	slot, ok := strings.CutSuffix(name, segmentSuffix)
	return ok && len(slot) == 8 && strings.Trim(slot, "0123456789abcdef") == ""
}

// readHeader is not ok for a file that has never held records.
func (l *chapter) readHeader(path string) (s segment, ok bool, err error) {
	f, err := files.OpenRead(path)
	if err != nil {
		return s, false, err
	}
	defer f.Close()
	s.path = path
	if s.size, err = f.Size(); err != nil {
		return s, false, err
	}
	page := readPage(f)
	s.header, err = frame.ReadHeader(page)
	switch {
	case err == nil && s.header.ID != l.id:
		l.problem("%s belongs to another life and is left alone", filepath.Base(path))
		return s, false, nil
	case !errors.Is(err, frame.ErrDamaged):
		return s, err == nil, err
	}
	s.rescued = true
	s.header, ok = frame.Rescue(f, s.size, l.id)
	if !ok && slices.ContainsFunc(page, func(b byte) bool { return b != 0 }) {
		l.problem("%s: the header is damaged, and no record can be read", filepath.Base(path))
	}
	return s, ok, nil
}

// readPage returns the header page. What cannot be read is zeros.
func readPage(f io.ReaderAt) []byte {
	page := make([]byte, frame.Page)
	n, _ := f.ReadAt(page, 0)
	clear(page[n:])
	return page
}

// measure finds where s ends: where the next installation begins if that is among
// the segments behind s, else by what the file says.
func (s *segment) measure(behind []segment) {
	for _, next := range behind {
		bytes := next.header.Base - s.header.Base
		if !s.rescued && !next.rescued && next.header.Ordinal == s.header.Ordinal+1 && bytes <= s.header.SegmentBytes {
			s.endSeq, s.bytes = next.header.FirstSeq, bytes
			return
		}
	}
	s.endSeq = s.header.FirstSeq
	f, err := files.OpenRead(s.path)
	if err != nil {
		return
	}
	defer f.Close()
	s.bytes, s.endSeq = frame.End(f, readPage(f), s.header)
	if len(behind) > 0 && s.rescued && !behind[0].rescued {
		s.endSeq = max(s.endSeq, behind[0].header.FirstSeq)
	}
}

// separate drops segments without records, and all but one of those that claim the
// same records, as does a file that somebody has copied.
func (l *chapter) separate(found []segment) (kept []segment) {
	for _, s := range found {
		if s.endSeq <= s.header.FirstSeq {
			continue // begun, and nothing in it
		}
		if n := len(kept); n > 0 && s.header.FirstSeq < kept[n-1].endSeq {
			last := &kept[n-1]
			if s.header.FirstSeq > last.header.FirstSeq && s.header.Ordinal+1 > last.header.Ordinal+1 {
				s, *last = *last, s
			}
			l.problem("%s holds the same records as %s and is left out", filepath.Base(s.path), filepath.Base(last.path))
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// findLost finds out which records are missing between the segments and at the
// end. Those that every cursor had passed are not missed: a segment may be used
// again while an earlier one is not. While a life is in use they may be evicted
// ones, or lie in a segment that was started after its file was looked at.
func (l *chapter) findLost() {
	settled, end := uint64(math.MaxUint64), uint64(0)
	for _, m := range l.marks {
		settled, end = min(settled, m.Next), max(end, m.Next)
	}
	if len(l.marks) == 0 {
		settled = 0
	}
	for i := 1; i < len(l.segments); i++ {
		s := &l.segments[i]
		if l.busy && !s.rescued {
			continue
		}
		s.lost = s.header.FirstSeq - min(s.header.FirstSeq, max(settled, l.segments[i-1].endSeq))
	}
	if n := len(l.segments); n > 0 {
		l.segments[n-1].endSeq = max(end, l.segments[n-1].endSeq)
		end = l.segments[n-1].endSeq
	}
	l.end = end
}

// open opens the segment's file, or reports false when it holds other records by
// now, or none.
func (s *segment) open() (f disk.File, ok bool) {
	f, err := files.OpenRead(s.path)
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
	h, err := frame.ReadHeader(readPage(f))
	if s.rescued {
		return err != nil
	}
	return err == nil && h == s.header
}
