package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/fapilog/fapilog/journal/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// tend is the custodian, a durable journal's second goroutine: it does what may
// take the disk's time. It makes and removes files, moves to disk what had to
// be kept in memory, and lets go of lives that are drained.
func (j *Journal) tend() {
	st := j.store
	defer close(st.done)
	again := time.NewTimer(lookEvery)
	again.Stop()
	defer again.Stop()
	st.looked = time.Now()
	for {
		j.work(time.Now())
		j.tell()
		if j.restless() {
			again.Reset(lookEvery)
		}
		select {
		case <-st.kicks:
		case <-again.C:
		case <-j.quit:
			<-j.done // the keeper: nobody else is left
			j.letGo()
			return
		}
	}
}

// restless reports whether the custodian is to look again after a while, though
// nobody kicks it.
func (j *Journal) restless() bool {
	failing, _ := j.store.failing()
	j.mu.Lock()
	defer j.mu.Unlock()
	return failing || j.store.foldFails || j.anyUnstored() || j.endSeq() != j.store.lookSeq || j.anyShut() || j.active.file == nil || j.unkept() != nil
}

// work does all there is to do.
func (j *Journal) work(now time.Time) {
	st := j.store
	j.emptyTrash()
	if now.Sub(st.looked) >= lookEvery {
		st.looked = now
		j.look()
	}
	j.leaveBad()
	j.prepareFiles()
	for j.keepOne() {
	}
	j.dropMemory()
	j.fold()
}

// emptyTrash removes files that are not needed any more.
func (j *Journal) emptyTrash() {
	st := j.store
	j.mu.Lock()
	list := st.trash
	st.trash = nil
	j.mu.Unlock()
	for _, t := range list {
		if t.memory != nil {
			_ = t.memory.Unmap()
			continue
		}
		if t.file != nil {
			t.file.close()
		}
		if err := st.fs.Remove(t.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			st.complain(err)
		}
		crash.Point("segment.unlinked")
	}
}

// look finds out whether the directory and the active segment are still there
// and, if the disk failed, whether it is well again.
func (j *Journal) look() {
	st := j.store
	j.mu.Lock()
	active := j.active
	st.lookSeq = j.endSeq()
	j.reopenShut()
	j.mu.Unlock()

	j.lookAtLife()
	if active.file != nil && !active.faulted.Load() {
		if err := st.inspectFile(active.file, frame.Page+j.segmentBytes); err != nil {
			j.abandon(active, err)
		}
	}
	if failing, _ := st.failing(); failing {
		j.tell() // that it fails, even if it is well again at once
		j.tryDisk()
	}
}

// lookAtLife finds out whether the directory and the cursors' files are there.
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
		if _, err := st.fs.Lstat(life.CursorPath(own.Dir, c.key)); errors.Is(err, fs.ErrNotExist) {
			c.unfile()
			c.refile()
		}
		c.storeAgain()
	}
}

// lookForFiles finds out which segments have lost their files. What is in memory of
// them goes to others.
func (j *Journal) lookForFiles(own *life.Life) {
	st := j.store
	entries, err := st.fs.ReadDir(own.Dir)
	if err != nil {
		st.fail(err)
		return
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = true
	}
	var removed []string
	j.mu.Lock()
	for s := j.oldest; s != j.active; s = s.next {
		if s.file != nil && s.kept && s.words != nil && !there[filepath.Base(s.file.path)] {
			s.kept = false
			removed = append(removed, s.file.path)
		}
	}
	j.mu.Unlock()
	for _, path := range removed {
		st.complain(fmt.Errorf("%s was removed; its records are written anew", path))
	}
}

func (j *Journal) ownLife() *life.Life {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.store.life
}

// inspectFile returns an error if the file of a segment is not what it was.
func (st *store) inspectFile(f *segmentFile, size int64) error {
	info, err := st.fs.Lstat(f.path)
	switch {
	case err != nil:
		return err
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
	return nil
}

// lostIsBack reports whether the directory that was lost is there again.
func (st *store) lostIsBack() (bool, error) {
	if st.lost == nil {
		return false, nil
	}
	return st.lost.Present()
}

// leaveBad makes another segment active if the present one is no longer on disk,
// and could be.
func (j *Journal) leaveBad() {
	var y yielder
	for {
		failing, _ := j.store.failing()
		j.mu.Lock()
		bad := j.active.file == nil && !failing || j.active.faulted.Load() || j.active.file != nil && !j.active.kept
		if !bad || j.sealed && !j.active.faulted.Load() {
			j.mu.Unlock()
			return
		}
		j.shutActive()
		if !j.previousPublished() {
			j.mu.Unlock()
			y.yield()
			continue
		}
		seg := j.spareFile()
		if seg == nil && !failing && !j.sealed {
			j.mu.Unlock()
			j.prepareFile()
			if failing, _ := j.store.failing(); !failing && j.spareFiles() == 0 {
				return // full: an append will evict
			}
			continue
		}
		if seg == nil && !j.sealed {
			seg = j.growMemory()
		} else if seg == nil {
			j.live++
			seg = newSegment(j.segmentBytes)
		}
		if seg == nil {
			j.mu.Unlock()
			return // as much as may be in memory: an append will evict
		}
		j.install(seg)
		if j.sealed {
			j.shutActive()
		}
		j.releaseWaiting()
		j.wakeAll = true // who has stopped at the segment that is left goes on
		j.mu.Unlock()
		j.kick()
	}
}

func (j *Journal) spareFiles() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.store.spare)
}

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
	case failing || !j.mayGrow() && j.active.file != nil: // a file beyond the limit is better than none
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
	if err != nil {
		st.fail(err)
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
	f.file, err = st.fs.Open(f.path)
	return err
}

// letGo ends what the journal has on disk.
func (j *Journal) letGo() {
	st := j.store
	j.emptyTrash()
	if failing, _ := st.failing(); failing {
		j.tryDisk()
	}
	for j.keepOne() {
	}
	j.fold()
	j.mu.Lock()
	empty := j.endSeq() == j.own().first && len(st.carried.Tallies) == 0
	own, cursors := cmp.Or(st.life, st.lost), j.keyed
	st.life = nil
	j.closed = true
	var readers []*Cursor
	for _, c := range j.cursors {
		if !c.reading {
			readers = append(readers, c) // its owner reads no more
		}
	}
	var files []*segmentFile
	for s := j.oldest; s != nil; s = s.next {
		if s.file != nil && s.pins == 0 && !s.faulted.Load() {
			files = append(files, s.file) // nobody looks at its memory from here on
			if s.memory != nil {
				files = append(files, &segmentFile{mapping: s.memory}) // mostly the file's own
			}
		}
	}
	files = append(append(files, st.idle...), st.spare...)
	eras := j.eras
	j.mu.Unlock()

	for _, c := range readers {
		c.file.close()
	}
	for _, c := range cursors {
		c.close()
		empty = empty && c.spotless()
	}
	for _, f := range files {
		f.close()
	}
	for _, e := range eras {
		if e.dead != nil && !e.gone {
			_ = e.dead.Release()
		}
	}
	switch {
	case own == nil:
	case empty:
		_ = own.Remove()
	default:
		_ = own.Release()
	}
}
