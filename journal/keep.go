package journal

import (
	"maps"
	"slices"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// unkept returns the oldest segment that is not on disk and could be, or nil: the
// active one only when nothing comes any more. It has j.mu.
func (j *Journal) unkept() *segment {
	for s := j.oldest; s != nil; s = s.next {
		if s == j.active {
			if !j.sealed {
				return nil
			}
			s.end, s.endSeq = j.reservedEnd()
		}
		if !s.kept && s.words != nil && !s.faulted.Load() && s.endSeq > s.firstSeq {
			return s
		}
	}
	return nil
}

// keepOne writes a segment that is in memory to a file, while the disk is well.
// It reports whether it did, and there may be another.
func (j *Journal) keepOne() bool {
	st := j.store
	if failing, _ := st.failing(); failing {
		return false
	}
	j.mu.Lock()
	s := j.unkept()
	if s == nil || st.life == nil || j.published(s, s.base, s.end) < s.end {
		j.mu.Unlock()
		return false
	}
	s.pins++
	j.mu.Unlock()

	f, err := j.copyOut(s)

	j.mu.Lock()
	old := s.file
	if err == nil {
		s.file, s.kept = f, true // what is in memory stays there until the segment is let go of
	}
	j.unpin(s)
	j.mu.Unlock()

	if err == nil {
		if old != nil {
			if old.mapping == s.memory {
				old.mapping = nil // its frames are still read there
			}
			old.close()
			_ = st.fs.Remove(old.path)
		}
		return true
	}
	st.fail(err)
	if f != nil {
		f.close()
		_ = st.fs.Remove(f.path)
	}
	return false
}

// copyOut writes the frames of s to a file of their own. The header comes last:
// a file without it is nothing. The file is returned also if that failed, unless
// there is none.
func (j *Journal) copyOut(s *segment) (*segmentFile, error) {
	st := j.store
	f, err := st.makeFile(j.segmentBytes)
	if err != nil {
		return nil, err
	}
	f.lap = s.lap
	h := j.headerOf(s)
	frames := s.data[:s.end-s.base]
	write := func() (err error) {
		if f.mapping == nil {
			if _, err := f.file.WriteAt(frames, frame.Page); err != nil {
				return err
			}
			return writeHeader(f.file, &h)
		}
		half := len(frames) / 2
		page := f.mapping.Bytes()
		copy(page[frame.Page:], frames[:half])
		crash.Point("rewrite.frames")
		copy(page[frame.Page+half:], frames[half:])
		h.Put(page, 0)
		h.Put(page, 1)
		return nil
	}
	var within []*disk.Mapping
	if f.mapping != nil {
		within = append(within, f.mapping)
	}
	if s.mapped() {
		within = append(within, s.memory)
	}
	var failed error
	fault := disk.Guard(func() { failed = write() }, within...)
	if fault != nil {
		return f, fault
	}
	return f, failed
}

// dropMemory forgets the memory of segments that can be read from their files:
// those that are not mapped, and not new any more.
func (j *Journal) dropMemory() {
	var files []disk.File
	j.mu.Lock()
	for s := j.oldest; s != nil && s != j.active && s != j.previous; s = s.next {
		if s.kept && !s.mapped() && s.pins == 0 && s.words != nil {
			s.words, s.data = nil, nil
			if f := s.file; f.file != nil {
				files = append(files, f.file)
				f.file = nil // opened again when it is used again
			}
		}
	}
	j.mu.Unlock()
	for _, f := range files {
		_ = f.Close()
	}
}

// fold lets go of the lives that every cursor has settled: their tallies go into
// what the own life carries, and then their directories are removed. A kill in
// between leaves a directory that the tallies name as one that is in them.
func (j *Journal) fold() {
	for {
		e, m := j.drained()
		if e == nil || !j.foldOne(e, m) {
			return
		}
	}
}

// marks are where the cursors stand in one life, by key.
type marks map[string]life.Mark

// drained returns the first life that every cursor has settled, and the marks of
// all keys in it.
func (j *Journal) drained() (*era, marks) {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := j.store
	if !st.ready || st.life == nil {
		return nil, nil
	}
	for i, e := range j.eras {
		if e.dead == nil || e.gone {
			continue
		}
		for _, c := range j.keyed {
			if c.acking || c.unstored {
				return nil, nil // the custodian is kicked afterwards, or looks again
			}
		}
		for _, c := range j.cursors {
			if c.passed() < e.end || c.reading && c.seg.era == e {
				return nil, nil
			}
		}
		all := make(marks)
		for key, m := range e.dead.Marks {
			all[key] = m
		}
		for _, c := range j.keyed {
			all[c.key] = c.places[i].mark
		}
		e.shut = true
		return e, all
	}
	return nil, nil
}

// foldOne reports whether the life is gone.
func (j *Journal) foldOne(e *era, m marks) bool {
	st := j.store
	carried := life.Carried{Lives: slices.Clone(st.carried.Lives), Tallies: maps.Clone(st.carried.Tallies)}
	carried.Fold(e.dead.Name(), m, e.dead.Carried, e.dead.End)
	own := j.ownLife()
	err := carried.Write(st.fs, own.Dir)
	if err != nil && !st.foldFails {
		st.complain(err)
	}
	st.foldFails = err != nil
	if err != nil {
		j.mu.Lock()
		e.shut = false // it is tried again
		j.mu.Unlock()
		return false
	}
	st.carried = carried

	j.mu.Lock()
	for j.oldest != j.active && j.oldest.era == e {
		j.unlink(j.oldest)
	}
	j.mu.Unlock()
	j.emptyTrash() // its segments among them
	err = e.dead.Remove()
	j.mu.Lock()
	e.gone = true
	st.deadBytes -= e.bytes
	e.bytes = 0
	j.releaseWaiting()
	j.mu.Unlock()
	if err != nil {
		st.complain(err)
	}
	j.tellGone(e, m)
	return true
}

// tellGone tells of what keys without a cursor had not settled of a life that was
// folded.
func (j *Journal) tellGone(e *era, m marks) {
	if j.store.onGone == nil {
		return
	}
	j.mu.Lock()
	for _, c := range j.keyed {
		delete(m, c.key)
	}
	j.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if next := m[key].Next; next < e.dead.End {
			j.store.onGone(Gone{key, e.dead.End - next})
		}
	}
}
