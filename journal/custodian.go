package journal

import (
	"cmp"
	"errors"
	"io/fs"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
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
		j.store.announce()
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

// letGo ends what the journal has on disk.
func (j *Journal) letGo() {
	st := j.store
	j.awaitCheck()
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
