package journal

import (
	"fmt"
	"slices"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// prepareFiles sees to it that there are files for the next segments, in memory
// already, as far as the limit allows.
func (j *Journal) prepareFiles() {
	for range spares {
		j.prepareFile()
	}
}

// prepareFile makes one file ready, if one is wanted.
func (j *Journal) prepareFile() {
	st := j.store
	failing, wholly := st.failing()
	j.mu.Lock()
	if j.sealed || wholly || st.life == nil {
		j.mu.Unlock()
		return
	}
	j.dropPassed()
	var next *segmentFile
	switch n := len(st.idle); {
	case len(st.spare) >= spares:
		j.mu.Unlock()
		return
	case n > 0:
		// The oldest first: what it held goes before what is younger, so that a
		// kill leaves no hole between records.
		next = st.idle[0]
		st.idle = slices.Delete(st.idle, 0, 1)
	case failing || !j.mayGrow() && j.active.file != nil && j.active.kept: // a file beyond the limit is better than none
		j.mu.Unlock()
		return
	}
	isNew := next == nil
	if isNew {
		j.live++ // its room
	}
	st.making = true
	j.mu.Unlock()

	var err error
	if isNew {
		next, err = st.makeFile(j.segmentBytes)
	} else {
		err = next.renew(st, frame.Page+j.segmentBytes)
	}
	switch {
	case err == nil:
	case isNew:
		st.fail(err)
	default:
		st.complain(fmt.Errorf("%w; another file takes its place", err))
	}
	j.mu.Lock()
	st.making = false
	if err == nil {
		st.spare = append(st.spare, next)
	} else {
		j.live--
	}
	j.releaseWaiting()
	j.mu.Unlock()
	if err != nil && !isNew {
		next.close()
		_ = st.fs.Remove(next.path)
	}
}

// renew prepares a file that was in use before.
func (f *segmentFile) renew(st *store, size int64) error {
	if err := st.inspectFile(f, size); err != nil {
		return err
	}
	if f.mapping != nil {
		return f.mapping.Populate()
	}
	if f.file != nil {
		return nil
	}
	var err error
	if f.file, err = st.fs.Open(f.path); err == nil {
		f.info, err = st.fs.Lstat(f.path) // which may be another where it was not open
	}
	return err
}
