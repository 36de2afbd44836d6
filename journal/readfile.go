package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

// fileReader reads the frames of one segment after the other from their files.
type fileReader struct {
	frames frame.Reader

	mu   sync.Mutex // for close, which the journal's closing calls as well
	seg  *segment
	file disk.File
}

// open makes the reader read s, of journal j.
func (r *fileReader) open(j *Journal, s *segment) error {
	if r.seg == s {
		return nil
	}
	r.close()
	f, err := j.store.fs.OpenRead(s.path())
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.seg, r.file = s, f
	r.mu.Unlock()
	r.frames.Reset(f, j.storedHeader(s))
	return nil
}

func (r *fileReader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file != nil {
		_ = r.file.Close()
		r.seg, r.file = nil, nil
	}
}

// path returns where the segment's file is.
func (s *segment) path() string {
	if s.stored != nil {
		return s.stored.Path
	}
	return s.file.path
}

// storedHeader returns the header of a segment in a file.
func (j *Journal) storedHeader(s *segment) frame.SegmentHeader {
	var h frame.SegmentHeader
	if s.stored != nil {
		h = s.stored.SegmentHeader
		h.SegmentBytes = min(h.SegmentBytes, s.stored.Bytes)
	} else {
		h = j.headerOf(s)
		h.SegmentBytes = s.end - s.base
	}
	return h // without the rest of the segment, which nobody has to search
}

// copyFile is copy for frames that are read from a file. What does not check out
// is passed, and its bytes are set aside.
func (c *Cursor) copyFile(s *span, b *Batch, l ReadLimits) reason {
	j, seg := c.j, s.seg
	switch err := c.file.open(j, seg); {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist) && seg.mapped() && !seg.faulted.Load():
		j.mu.Lock()
		seg.kept = false // the custodian gives it another file
		j.mu.Unlock()
		j.store.kick()
		s.inMemory = true
		return c.copy(s, b, l)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, disk.ErrForeign), !disk.Starved(err) && j.triedEnough(seg):
		j.store.complain(err)
		s.corrupt += s.endSeq - s.seq
		s.off, s.seq = s.end, s.endSeq
		return atEnd
	default:
		j.shutSegment(seg, err)
		return atUnpublished
	}
	for {
		at := s.off - seg.base
		f, ok := c.file.frames.Next(at, s.seq-seg.shift, s.endSeq-seg.shift)
		if !ok {
			if s.seq < s.endSeq && !c.file.unfinished(at, s.end-seg.base) {
				j.setAside(&c.file, at, s.end-seg.base)
			}
			s.corrupt += s.endSeq - s.seq
			s.off, s.seq = s.end, s.endSeq
			return atEnd
		}
		if missing := f.Seq + seg.shift - s.seq; missing > 0 {
			if !c.file.unfinished(at, f.At) {
				j.setAside(&c.file, at, f.At)
			}
			s.corrupt += missing
			s.off, s.seq = seg.base+f.At, f.Seq+seg.shift
		}
		if f.Level < l.MinLevel {
			s.filtered++
		} else if b.fits(len(f.Payload), l) {
			b.add(f.Seq, f.Time, f.Level, f.Payload)
		} else {
			return atLimit
		}
		s.off = seg.base + f.End
		s.seq++
	}
}

// unfinished reports whether from from to to, in bytes from the segment's first
// frame, lie nothing but frames whose writers did not come to their end: what a kill
// leaves, and no damage.
func (r *fileReader) unfinished(from, to uint64) bool {
	var word [bytesPerWord]byte
	for from < to {
		if _, err := r.file.ReadAt(word[:], frame.Page+int64(from)); err != nil {
			return false
		}
		st, length, lap := frame.UnpackState(binary.NativeEndian.Uint64(word[:]))
		if lap != r.seg.lap || st != frame.Reserved && st != frame.Void {
			return false
		}
		from += frame.Bytes(length)
	}
	return from == to
}

// shutSegment leaves a segment whose file cannot be opened now, for lack of
// descriptors say: the custodian has cursors try again.
func (j *Journal) shutSegment(s *segment, err error) {
	j.mu.Lock()
	s.shut = true
	j.mu.Unlock()
	j.store.health.Lock()
	j.store.shutErr = err
	j.store.health.Unlock()
	j.store.kick()
}

// shutTries is how often a file that cannot be opened is tried, unless it is the
// process that lacks descriptors. What is in it is corrupt then.
const shutTries = 5

// triedEnough counts a failed attempt to open the file of s.
func (j *Journal) triedEnough(s *segment) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	s.tries++
	return s.tries >= shutTries
}

// anyShut reports whether cursors wait for a segment's file. It has j.mu.
func (j *Journal) anyShut() bool {
	for s := j.oldest; s != nil; s = s.next {
		if s.shut {
			return true
		}
	}
	return false
}

// reopenShut has cursors try again to open what they could not. It has j.mu.
func (j *Journal) reopenShut() {
	if !j.anyShut() {
		return
	}
	for s := j.oldest; s != nil; s = s.next {
		s.shut = false
	}
	j.wakeAll = true
	j.kick()
}

const (
	// maxSetAside is the most that is set aside of one stretch of damage.
	maxSetAside = 1 << 20
	// mostSetAside is how many stretches are set aside in one run.
	mostSetAside = 100
)

// setAside copies the bytes from from to to of a segment, where records should
// have been, into the directory damaged: once, whoever finds them.
func (j *Journal) setAside(r *fileReader, from, to uint64) {
	st := j.store
	s := r.seg
	name := fmt.Sprintf("%x-%d-%d", s.era.id, s.firstSeq-s.shift, from)
	j.mu.Lock()
	known := st.damaged[name] || len(st.damaged) >= mostSetAside
	if !known {
		st.damaged[name] = true
	}
	j.mu.Unlock()
	if known || to <= from {
		return
	}
	bytes := make([]byte, min(to-from, maxSetAside))
	n, _ := r.file.ReadAt(bytes, frame.Page+int64(from)) // what cannot be read is not to be had
	dir := filepath.Join(st.root, "damaged")
	err := st.fs.Mkdir(dir)
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = st.fs.WriteFile(filepath.Join(dir, name), bytes[:n])
	}
	if err == nil {
		err = fmt.Errorf("damage in %s; its bytes are in %s", s.path(), filepath.Join(dir, name))
	}
	st.complain(err)
}
