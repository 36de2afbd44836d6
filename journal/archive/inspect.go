package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// Inspect describes what dir holds. It reads headers, and records only where a
// cursor stands. The error says that dir is not a journal or cannot be read.
func Inspect(dir string) (Report, error) { return inspect(dir, false) }

// Verify is Inspect, and reads every record to count those that are damaged. In
// a life that is in use, a record that is just being appended is not taken for
// one.
func Verify(dir string) (Report, error) { return inspect(dir, true) }

func inspect(dir string, verify bool) (Report, error) {
	c, err := list(dir)
	if err != nil {
		return Report{}, err
	}
	r := Report{Dir: dir, Foreign: c.foreign}
	var chapters []*chapter
	chapters, r.Problems, r.Unseen = c.open()
	var reader frame.Reader
	for _, l := range chapters {
		r.Lives = append(r.Lives, l.describe(&reader, verify))
		r.Bytes += l.size()
	}
	if c.damaged {
		r.Damaged = len(r.list(damagedDir))
	}
	if c.quarantine {
		r.quarantine()
	}
	return r, nil
}

// describe returns the life as a report has it.
func (l *chapter) describe(r *frame.Reader, verify bool) Life {
	d := Life{ID: l.name, InUse: l.inUse, Newer: l.newer, Drained: l.drained, End: l.end, Carried: l.carried.Tallies}
	if l.newer {
		d.End, d.Carried = 0, nil
		return d
	}
	if l.created != 0 {
		d.Created = time.Unix(0, l.created)
	}
	d.First = l.end
	if len(l.segments) > 0 {
		d.First = l.segments[0].FirstSeq
	}
	for i := range l.segments {
		s := &l.segments[i]
		e := s.describe()
		if verify {
			e.Damage = s.damage(r, l.busy && i == len(l.segments)-1)
		}
		d.Records += s.EndSeq - s.FirstSeq
		d.Segments = append(d.Segments, e)
	}
	for _, key := range slices.Sorted(maps.Keys(l.marks)) {
		d.Cursors = append(d.Cursors, l.cursor(r, key, l.marks[key]))
	}
	for _, name := range l.torn {
		d.Cursors = append(d.Cursors, Cursor{Key: strings.TrimSuffix(filepath.Base(name), cursorSuffix), Damaged: true})
	}
	return d
}

func (s *segment) describe() Segment {
	d := Segment{
		File: filepath.Base(s.Path), FirstSeq: s.FirstSeq, EndSeq: s.EndSeq, Bytes: s.Bytes, FileSize: s.FileSize,
		Header: s.rescued(),
	}
	if !s.rescued() {
		d.Ordinal, d.Lap, d.Installed = s.Ordinal, s.Lap, time.Unix(0, s.Installed)
	}
	return d
}

// damage returns the number of records of s that cannot be read. Of a segment
// that is being appended to only those count that others follow.
func (s *segment) damage(r *frame.Reader, active bool) (n uint64) {
	f, ok := s.open()
	if !ok {
		return 0
	}
	defer f.Close()
	r.Reset(f, s.SegmentHeader)
	next := s.FirstSeq
	for off := uint64(0); ; {
		f, ok := r.Next(off, next, s.EndSeq)
		if !ok {
			break
		}
		n += f.Seq - next
		off, next = f.End, f.Seq+1
	}
	if !active {
		n += s.EndSeq - next
	}
	if !s.unchanged(f) {
		return 0 // used again meanwhile
	}
	return n + s.lost
}

// cursor returns how far the cursor is behind.
func (l *chapter) cursor(r *frame.Reader, key string, m life.Mark) Cursor {
	c := Cursor{Key: key, Next: m.Next, Tally: m.Tally}
	for i := range l.segments {
		s := &l.segments[i]
		if s.EndSeq <= m.Next {
			continue
		}
		bytes := s.Bytes
		if c.Lag == 0 {
			at, first := s.find(r, m.Next)
			bytes -= min(at, bytes)
			c.OldestPending = first
		}
		c.LagBytes += bytes
		c.Lag += s.EndSeq - max(m.Next, s.FirstSeq)
	}
	return c
}

// find returns where the first readable record from seq on is in s, and its time.
func (s *segment) find(r *frame.Reader, seq uint64) (at uint64, t time.Time) {
	file, ok := s.open()
	if !ok {
		return 0, t
	}
	defer file.Close()
	r.Reset(file, s.SegmentHeader)
	f, ok := r.Next(0, seq, s.EndSeq)
	if !ok {
		return s.Bytes, t
	}
	return f.At, frame.UnpackTime(f.Time)
}

// size returns the bytes of the life's files.
func (l *chapter) size() (n int64) {
	entries, _ := files.ReadDir(l.dir) // gone: nothing
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
	}
	return n
}

// list returns the names of the regular files in a directory of the journal's.
func (r *Report) list(sub string) (names []string) {
	entries, err := files.ReadDir(filepath.Join(r.Dir, sub))
	if err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (r *Report) quarantine() {
	for _, name := range r.list(quarantineDir) {
		if !strings.HasSuffix(name, quarantineSuffix) {
			continue
		}
		q, err := measure(filepath.Join(r.Dir, quarantineDir, name))
		if err != nil {
			r.Problems = append(r.Problems, err.Error())
			continue
		}
		r.Quarantine = append(r.Quarantine, q)
	}
}

// measure counts the lines of a quarantine file.
func measure(path string) (Quarantine, error) {
	q := Quarantine{File: filepath.Base(path)}
	f, err := files.OpenRead(path)
	if err != nil {
		return q, err
	}
	defer f.Close()
	for buf := make([]byte, 64<<10); ; {
		n, err := f.ReadAt(buf, q.Bytes)
		q.Bytes += int64(n)
		q.Lines += bytes.Count(buf[:n], []byte{'\n'})
		switch {
		case errors.Is(err, io.EOF):
			return q, nil
		case err != nil:
			return q, fmt.Errorf("%s: %w", path, err)
		}
	}
}
