package journal

import (
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

// errVoid says that a record's place is lost, because its segment failed under
// it: the record is to get another.
var errVoid = errors.New("journal: the segment failed")

// appendDurable is Append for segments that lie in files.
func (j *Journal) appendDurable(t time.Time, level slog.Level, payload []byte) error {
	if len(payload) > j.maxPayload {
		return ErrTooLarge
	}
	var w wait
	for {
		r, err := j.appendOnce(t, level, payload)
		switch {
		case err == nil && r.seg.plain:
			j.write(r, len(payload))
			return nil
		case err == nil:
			return nil
		case err == errFull:
			if err := j.makeRoom(frame.Bytes(len(payload)), &w); err != nil {
				return err
			}
		}
	}
}

// errFull says that the active segment has no room.
var errFull = errors.New("journal: segment full")

// appendOnce tries to append to the active segment. Memory faults are contained:
// one before the frame is reserved leaves the log as it was, one after it leaves
// a void frame.
func (j *Journal) appendOnce(t time.Time, level slog.Level, payload []byte) (r reservation, err error) {
	var seg *segment // whose spin lock is held
	var tail uint64
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if v := recover(); v != nil {
			if seg != nil {
				j.unlockTail(tail)
			}
			err = j.contain(v, seg, r)
		}
	}()
	tail = j.lockTail()
	seg = j.active
	r, after, ok := j.place(tail, len(payload))
	seg = nil
	j.unlockTail(after)
	if !ok {
		return r, errFull
	}
	crash.Point("append.reserved")
	if publishFirst {
		j.publish(r)
		runtime.Gosched()
	}
	r.fill(frame.PackTime(t), level, payload)
	r.check(len(payload))
	crash.Point("append.filled")
	if r.seg.plain {
		return r, nil // to be written before it is published
	}
	j.publish(r)
	crash.Point("append.published")
	if r.seg.faulted.Load() {
		// A reader that has given the segment up may not have seen the frame.
		j.void(r)
		return r, errVoid
	}
	return r, nil
}

// check adds the frame's CRC.
func (r reservation) check(length int) {
	words := r.seg.words[r.at/bytesPerWord:][:frame.HeaderWords:frame.HeaderWords]
	words[frame.WordCheck] |= frame.PackCheck(frame.Check(r.seg.seed, r.at, r.seg.data[r.at:], length))
}

// contain makes of a panic in appendOnce an error, if it is a fault in a
// segment's memory. reserving is the active segment if the fault came before
// anything was reserved.
func (j *Journal) contain(v any, reserving *segment, r reservation) error {
	seg := reserving
	if seg == nil {
		seg = r.seg
	}
	if seg == nil || !seg.mapped() {
		panic(v)
	}
	fault, ok := disk.FaultIn(v, seg.memory.Bytes())
	if !ok {
		panic(v)
	}
	j.fault(seg, fault)
	if reserving == nil {
		j.void(r)
	}
	return errVoid
}

// void marks a frame as one that never comes.
func (j *Journal) void(r reservation) {
	_, length, lap := frame.UnpackState(r.word)
	word := &r.seg.words[r.at/bytesPerWord+frame.WordState]
	_ = disk.Guard(func() {
		atomic.StoreUint64(word, frame.PackState(frame.Void, length, lap))
	}, r.seg.memory)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.voided++
}

// scratch holds frames on their way to a file.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// write writes a frame of a segment that is not mapped to its file, in one
// piece, and publishes it. It is published too when that fails: then it is in
// memory, and goes to another file later.
func (j *Journal) write(r reservation, length int) {
	defer j.publish(r)
	s := r.seg
	if err := s.file.labelled(s); err != nil {
		j.unwritten(s, err)
		return
	}
	size := int(frame.Bytes(length))
	buf := scratch.Get().(*[]byte)
	*buf = append((*buf)[:0], s.data[r.at:][:size]...)
	putWord(*buf, r.word)
	if _, err := s.file.file.WriteAt(*buf, frame.Page+int64(r.at)); err != nil {
		j.unwritten(s, err)
	}
	if cap(*buf) <= maxScratch {
		scratch.Put(buf)
	}
}

// maxScratch is the largest buffer that is kept, in bytes.
const maxScratch = 64 << 10

// unwritten says that the file of s does not have all of it.
func (j *Journal) unwritten(s *segment, err error) {
	j.mu.Lock()
	s.kept = false
	if s == j.active {
		j.shutActive()
	}
	j.mu.Unlock()
	j.degrade(err)
}

// fault says that memory of s has failed: nothing more goes into it, and what is
// in it can be read from its file if at all.
func (j *Journal) fault(s *segment, err error) {
	j.mu.Lock()
	j.faultLocked(s)
	j.mu.Unlock()
	j.degrade(err)
}

func (j *Journal) faultLocked(s *segment) {
	s.faulted.Store(true)
	s.kept = false
	if s == j.active {
		j.shutActive()
	}
}

// published is s.publishedUpTo for memory that may fault. Frames of a segment
// that has failed count as published: their writers have found out, or will. It
// has j.mu.
func (j *Journal) published(s *segment, from, to uint64) (upTo uint64) {
	if !s.mapped() {
		return s.publishedUpTo(from, to)
	}
	if s.faulted.Load() {
		return to
	}
	err := s.guard(func() { upTo = s.publishedUpTo(from, to) })
	if err != nil {
		j.faultLocked(s)
		j.store.fail(err)
		j.store.kick()
		return to
	}
	return upTo
}
