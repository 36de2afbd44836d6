package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

// make makes the file, of size bytes.
func (f *segmentFile) make(fs disk.FS, size int64) (err error) {
	file, err := fs.Create(f.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil || f.mapping != nil {
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			if f.mapping != nil {
				err = errors.Join(err, f.mapping.Unmap())
			}
			err = errors.Join(err, fs.Remove(f.path))
		}
	}()
	crash.Point("segment.created")
	if err := file.Allocate(size); err != nil {
		return err
	}
	crash.Point("segment.allocated")
	if f.info, err = fs.Lstat(f.path); err != nil {
		return err
	}
	if !fs.Mappable(filepath.Dir(f.path)) {
		f.file = file
		return nil
	}
	switch mapping, err := file.Map(size); {
	case err == nil:
		f.mapping = mapping
		return mapping.Populate()
	case errors.Is(err, errors.ErrUnsupported):
		f.file = file
		return nil
	default:
		return err
	}
}

// close lets go of the file, which nobody reads or writes any more. It stays on
// disk.
func (f *segmentFile) close() {
	if f.mapping != nil {
		_ = f.mapping.Unmap()
	}
	if f.file != nil {
		_ = f.file.Close()
	}
}

// segment returns a segment whose frames lie in f.
func (f *segmentFile) segment(size int64) *segment {
	var s *segment
	if f.mapping != nil {
		words := f.mapping.Words()
		s = &segment{memory: f.mapping, words: words[frame.Page/bytesPerWord:], data: f.mapping.Bytes()[frame.Page:], head: words[:frame.Page/bytesPerWord]}
	} else {
		s = newSegment(size)
		s.plain = true
	}
	s.file, s.kept, s.lap = f, true, f.lap
	return s
}

// headerOf describes the segment s in its file.
func (j *Journal) headerOf(s *segment) frame.SegmentHeader {
	return frame.SegmentHeader{
		ID:           j.id,
		Created:      j.store.created.UnixNano(),
		SegmentBytes: uint64(j.segmentBytes),
		Ordinal:      s.ordinal,
		Lap:          s.lap,
		Base:         s.base,
		FirstSeq:     s.firstSeq - s.shift,
		Installed:    time.Now().UnixNano(),
	}
}

// label writes the header of a segment that is about to be active, if it is
// mapped; else its first append does. It has j.mu and reports false if the
// segment cannot be used.
func (j *Journal) label(s *segment) bool {
	s.seed = frame.Seed(j.id, s.lap)
	if s.file == nil {
		return true
	}
	s.file.lap = s.lap
	h := j.headerOf(s)
	if !s.mapped() {
		s.file.mu.Lock()
		s.file.header, s.file.labels = h, false
		s.file.mu.Unlock()
		return true
	}
	err := disk.Guard(func() {
		page := s.file.mapping.Bytes()
		s.head[frame.TailWord+1] = s.head[frame.TailWord] // no mirror of the segment's earlier life fits
		h.Put(page, 0)
		crash.Point("rotate.header")
		h.Put(page, 1)
		crash.Point("rotate.installed")
	}, s.memory)
	if err != nil {
		s.faulted.Store(true)
		j.live--
		j.store.trash = append(j.store.trash, trash{path: s.file.path})
		j.store.fail(err)
		j.store.kick()
	}
	return err == nil
}

// labelled sees to it that the header of s is in the file, which is not mapped.
func (f *segmentFile) labelled(s *segment) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.labels {
		return nil
	}
	if err := writeHeader(f.file, &f.header); err != nil {
		return err
	}
	f.labels = true
	return nil
}

// writeHeader writes a header page without a tail's mirror.
func writeHeader(f disk.File, h *frame.SegmentHeader) error {
	page := make([]byte, frame.Page)
	h.Put(page, 0)
	h.Put(page, 1)
	page[frame.TailWord*bytesPerWord+bytesPerWord] = 1 // no mirror
	_, err := f.WriteAt(page, 0)
	return err
}

// putWord stores w as the first word of b, in the machine's byte order.
func putWord(b []byte, w uint64) {
	copy(b, (*[bytesPerWord]byte)(unsafe.Pointer(&w))[:])
}

// spareFile returns a segment in a file that is ready, or nil. It has j.mu.
func (j *Journal) spareFile() *segment {
	st := j.store
	if len(st.spare) == 0 || j.onlyMemory() {
		return nil
	}
	f := st.spare[0]
	st.spare = slices.Delete(st.spare, 0, 1)
	return f.segment(j.segmentBytes)
}

// awaitFile reports whether the custodian is to make a file ready, for which an
// append waits until the given time. It has j.mu.
func (j *Journal) awaitFile(w *wait) (until time.Time, coming bool) {
	failing, _ := j.store.failing()
	again := len(j.store.idle) > 0 && !j.onlyMemory() && !j.stuck()
	anew := !failing && (j.mayGrow() || j.store.making)
	if !again && !anew {
		return time.Time{}, false
	}
	now := time.Now()
	if w.onDisk.IsZero() {
		w.onDisk = now
	}
	until = w.onDisk.Add(diskPatience)
	if !now.Before(until) {
		j.store.fail(fmt.Errorf("no segment within %v: %w", diskPatience, os.ErrDeadlineExceeded))
	}
	j.store.kick()
	return until, now.Before(until)
}

// growMemory returns a segment in memory while the disk fails, or if there is
// nothing that could be evicted. It has j.mu.
func (j *Journal) growMemory() *segment {
	failing, _ := j.store.failing()
	if j.oldest != j.active && (!failing || j.memoryFull()) {
		return nil
	}
	j.live++
	return newSegment(j.segmentBytes)
}

// onlyMemory reports whether not even the files that there are can be used: the
// disk fails, and not for lack of space alone, or they have to be written to.
func (j *Journal) onlyMemory() bool {
	failing, wholly := j.store.failing()
	return wholly || failing && j.store.plain.Load()
}

// stuck reports whether the custodian waits for the disk, and an append has waited
// for it in vain: nothing that is let go of becomes a file to write to. It has j.mu.
func (j *Journal) stuck() bool { return j.store.making && j.store.late() }

// inMemory reports whether the frames of s are nowhere but in memory. It has j.mu.
func (s *segment) inMemory() bool {
	return s.words != nil && !s.kept && !s.mapped()
}

// memoryFull reports whether there is as much in memory, while the disk fails, as
// there may be. It has j.mu.
func (j *Journal) memoryFull() bool {
	var bytes int64
	for s := j.oldest; s != nil; s = s.next {
		if s.inMemory() {
			bytes += j.segmentBytes
		}
	}
	return bytes+j.segmentBytes > min(j.maxBytes, maxInMemory)
}

// victim returns the segment to evict: the oldest or, if only memory is of use, the
// oldest in memory, so that what is on disk stays. It has j.mu.
func (j *Journal) victim() *segment {
	if j.store == nil || !j.onlyMemory() && !j.stuck() {
		return j.oldest
	}
	for s := j.oldest; s != j.active; s = s.next {
		if s.inMemory() {
			return s
		}
	}
	return j.oldest
}

// releaseFile lets go of an unlinked segment. It has j.mu.
func (j *Journal) releaseFile(s *segment) {
	st := j.store
	switch {
	case s.stored != nil:
		// Its room counts as free at once: the custodian removes the file before it
		// makes another. The last one goes with the life's directory.
		s.era.bytes -= roomOf(s.stored)
		st.deadBytes -= roomOf(s.stored)
		if !s.last {
			st.trash = append(st.trash, trash{path: s.stored.Path})
		}
	case s.file == nil:
		j.live--
	case s.faulted.Load():
		// Not to be touched again, nor unmapped: a writer may still be in it.
		st.trash = append(st.trash, trash{path: s.file.path})
		j.live--
	case !s.kept, len(st.idle)+len(st.spare) > 0 && j.overLimit():
		// The file may be gone; or there are more than there should be, as after
		// the disk failed.
		st.trash = append(st.trash, trash{path: s.file.path, file: s.file})
		j.live--
	default:
		st.idle = append(st.idle, s.file)
	}
	if s.memory != nil && s.memory != s.file.mapping && !s.faulted.Load() {
		st.trash = append(st.trash, trash{memory: s.memory}) // of a file that was there before
	}
	st.kick()
}

// isNoSpace reports whether err says that more cannot be stored, while what is
// there can be used.
func isNoSpace(err error) bool {
	return disk.NoSpace(err) || disk.Starved(err) || errors.Is(err, os.ErrDeadlineExceeded)
}
