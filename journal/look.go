package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// look finds out whether the directory and the segments that were active since it last
// looked are still there and, if the disk failed, whether it is well again.
func (j *Journal) look() {
	st := j.store
	j.mu.Lock()
	st.lookSeq = j.endSeq()
	j.reopenShut()
	j.mu.Unlock()

	j.lookAtLife()
	for _, s := range j.recent() {
		if err := st.inspectFile(s.file, frame.Page+j.segmentBytes); err != nil {
			j.abandon(s, err)
		}
	}
	if failing, _ := st.failing(); failing {
		j.tryDisk()
	}
}

// recent returns the segments that were active since it was last called and that their
// files should have.
func (j *Journal) recent() (list []*segment) {
	st := j.store
	j.mu.Lock()
	defer j.mu.Unlock()
	for s := j.oldest; s != nil; s = s.next {
		if s.era == j.own() && s.ordinal >= st.lookOrdinal && s.file != nil && s.kept {
			list = append(list, s)
		}
	}
	st.lookOrdinal = j.active.ordinal
	return list
}

// lookAtLife finds out whether the directory and the cursors' files are there, and
// no others in their place.
func (j *Journal) lookAtLife() {
	st := j.store
	own := j.ownLife()
	if own == nil {
		return
	}
	present, err := own.Present()
	switch {
	case err != nil:
		st.fail(err)
		return
	case !present:
		j.lose(&fs.PathError{Op: "open", Path: own.Dir, Err: fs.ErrNotExist})
		return
	}
	j.lookForFiles(own)
	j.mu.Lock()
	cursors := j.keyed
	j.mu.Unlock()
	for _, c := range cursors {
		info, err := st.fs.Lstat(life.CursorPath(own.Dir, c.key))
		if errors.Is(err, fs.ErrNotExist) || err == nil && c.replaced(info) {
			c.unfile()
			c.refile()
		}
		c.storeAgain()
	}
}

// lookForFiles finds out which segments have lost their files, and removes files that
// no segment has. What is in memory of the former goes to others. The latter were let
// go of while the directory was away, or could not be removed then.
func (j *Journal) lookForFiles(own *life.Life) {
	st := j.store
	names, err := own.SegmentFiles()
	if err != nil {
		st.fail(err)
		return
	}
	stray := make(map[string]bool, len(names)) // by path
	for _, name := range names {
		stray[filepath.Join(own.Dir, name)] = true
	}
	var removed []string
	j.mu.Lock()
	for s := j.oldest; s != nil; s = s.next {
		if s.file == nil {
			continue
		}
		if !stray[s.file.path] && s.kept && s.words != nil && s != j.active {
			s.kept = false
			removed = append(removed, s.file.path)
		}
		delete(stray, s.file.path)
	}
	for _, f := range slices.Concat(st.idle, st.spare) {
		delete(stray, f.path)
	}
	if j.pinned > 0 {
		clear(stray) // what a reader is still in is in no list
	}
	j.mu.Unlock()
	for _, path := range removed {
		st.complain(fmt.Errorf("%s was removed; its records are written anew", path))
	}
	for path := range stray {
		_ = st.fs.Remove(path) // tried again when it is next looked
	}
}

func (j *Journal) ownLife() *life.Life {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.store.life
}

// inspectFile returns an error if the file of a segment is not what it was: one that
// matches [fs.ErrNotExist] if it is not there, or another is in its place.
func (st *store) inspectFile(f *segmentFile, size int64) error {
	info, err := st.fs.Lstat(f.path)
	switch {
	case err != nil:
		return err
	case (f.mapping != nil || f.file != nil) && !os.SameFile(f.info, info): // on some file systems what is not open changes its number
		return fmt.Errorf("%s was replaced: %w", f.path, fs.ErrNotExist)
	case info.Size() < size:
		return fmt.Errorf("%s was cut to %d bytes", f.path, info.Size())
	}
	return nil
}

// lose goes on without the directory, which is not there any more. What is in
// memory, or still mapped, is kept elsewhere when that can be.
func (j *Journal) lose(err error) {
	st := j.store
	st.fail(err)
	j.mu.Lock()
	own := st.life
	st.life = nil
	for s := j.oldest; s != nil; s = s.next {
		if s.file != nil && s.words != nil {
			s.kept = false
		}
	}
	idle := append(st.idle, st.spare...)
	st.idle, st.spare = nil, nil
	j.live -= len(idle)
	if j.active.file != nil {
		j.shutActive()
	}
	cursors := j.keyed
	j.mu.Unlock()
	for _, f := range idle {
		f.close()
	}
	for _, c := range cursors {
		c.unfile()
	}
	st.lost = own // still locked: nobody else is to have what may come back
}

// abandon leaves a segment whose file is not what it was. What has been removed can
// still be read, and kept elsewhere; what has been cut cannot.
func (j *Journal) abandon(s *segment, err error) {
	if s.mapped() && !errors.Is(err, fs.ErrNotExist) {
		j.fault(s, err)
		return
	}
	j.unwritten(s, err)
}

// tryDisk tries whether the disk is well again.
func (j *Journal) tryDisk() {
	st := j.store
	if err := j.reenter(); err != nil {
		if !ofTheDisk(err) && !st.barred {
			st.barred = true
			st.complain(err) // that is not over some time
		}
		return
	}
	f, err := st.makeFile(j.segmentBytes)
	if err != nil {
		return
	}
	if f.file != nil {
		_, err = f.file.WriteAt(make([]byte, frame.Page), frame.Page)
	}
	if err != nil {
		f.close()
		_ = st.fs.Remove(f.path)
		return
	}
	j.mu.Lock()
	keep := j.mayGrow()
	if keep {
		st.spare = append(st.spare, f)
		j.live++
	}
	cursors := j.keyed
	j.mu.Unlock()
	if !keep {
		f.close()
		_ = st.fs.Remove(f.path)
	}
	st.recovered()
	for _, c := range cursors {
		c.refile()
	}
}

// reenter sees to it that the journal has a directory.
func (j *Journal) reenter() error {
	st := j.store
	if j.ownLife() != nil {
		return nil
	}
	if err := st.fs.OpenRoot(st.root); err != nil {
		return err
	}
	own := st.lost
	if present, err := st.lostIsBack(); err != nil {
		return err
	} else if !present {
		own, err = life.Resume(st.fs, st.root, j.id, st.created)
		if err != nil {
			return err
		}
	}
	if len(st.carried.Tallies) > 0 {
		if err := st.carried.Write(st.fs, own.Dir); err != nil {
			if own != st.lost {
				err = errors.Join(err, own.Release())
			}
			return err
		}
	}
	if st.lost != nil && own != st.lost {
		_ = st.lost.Release()
	}
	st.lost = nil
	j.mu.Lock()
	st.life = own
	j.mu.Unlock()
	j.lookForFiles(own) // before room is wanted for others
	return nil
}

// lostIsBack reports whether the directory that was lost is there again.
func (st *store) lostIsBack() (bool, error) {
	if st.lost == nil {
		return false, nil
	}
	return st.lost.Present()
}
