package life

import (
	"path/filepath"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// Trim gives back the room that a dead life's records do not take: what lies
// behind the last of them, and files that were made ready and never used. A
// process that is started again and again would otherwise fill the directory with
// next to nothing. Only where the tail says, beyond doubt, that no record is there
// is anything removed. What cannot be removed stays.
func (d *Dead) Trim() {
	used := make(map[string]bool)
	for _, s := range d.Segments {
		used[s.Path] = true
	}
	entries, err := d.fsys.ReadDir(d.Dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(d.Dir, e.Name())
		if kindOf(e) == segmentKind && !used[path] && d.unused(path) {
			_ = d.fsys.Remove(path)
		}
	}
	if n := len(d.Segments); n > 0 {
		d.cut(&d.Segments[n-1])
	}
}

// unused reports whether the segment at path has never had a header.
func (d *Dead) unused(path string) bool {
	f, err := d.fsys.OpenRead(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var p page
	_, err = f.ReadAt(p[:], 0)
	return err == nil && p == page{}
}

// cut cuts the last segment behind its last record.
func (d *Dead) cut(s *Segment) {
	f, err := d.fsys.Open(s.Path)
	if err != nil {
		return
	}
	defer f.Close()
	_, bytes, ok := frame.Tail(readPage(f)[:], s.Ordinal)
	size := int64(frame.Page + bytes)
	if !ok || bytes != s.Bytes || size >= s.FileSize {
		return
	}
	if f.Truncate(size) == nil {
		s.FileSize = size
	}
}

// trimmed reports whether a segment file of that size is one that was cut behind
// its last record.
func trimmed(p *page, h frame.SegmentHeader, size int64) bool {
	_, bytes, ok := frame.Tail(p[:], h.Ordinal)
	return ok && size >= int64(frame.Page+bytes)
}
