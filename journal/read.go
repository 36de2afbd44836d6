package journal

import (
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// Entry is a record as Read returns it.
type Entry struct {
	Journal [16]byte   // the life that the record was appended in, see Journal.ID
	Seq     uint64     // in that life, from 0
	Time    time.Time  // as appended, without its location and monotonic clock; the zero Time if that was zero
	Level   slog.Level // as appended
	Data    []byte     // the payload's copy, in the batch's memory
}

// Batch holds what Read has copied. The zero value is ready to use, and a batch
// that is used again keeps its memory: Read overwrites what an earlier Read
// returned.
type Batch struct {
	life    [16]byte
	entries []entry // without pointers: the collector does not look at them
	payload int     // bytes of all payloads
	buf     []byte  // the payloads in order; those from memory with their frames' headers and padding between them
}

// entry is an Entry as a batch keeps it.
type entry struct {
	seq    uint64
	time   uint64 // as in the frame
	start  int    // of its payload in the batch's buffer
	length uint32 // of its payload
	level  int32
}

// Len returns the number of records in b.
func (b *Batch) Len() int { return len(b.entries) }

// At returns the record i of b, from 0.
func (b *Batch) At(i int) Entry {
	return Entry{Journal: b.life, Seq: b.Seq(i), Time: b.Time(i), Level: b.Level(i), Data: b.Data(i)}
}

// Journal returns what all of b's entries have as theirs: a Read ends with the life.
func (b *Batch) Journal() [16]byte { return b.life }

// Seq returns that field of At(i). Like Time, Level and Data it is for those who go over
// the whole batch: one field is in a register, where an Entry goes through memory.
func (b *Batch) Seq(i int) uint64 { return b.entries[i].seq }

// Time returns that field of At(i).
func (b *Batch) Time(i int) time.Time { return frame.UnpackTime(b.entries[i].time) }

// Level returns that field of At(i).
func (b *Batch) Level(i int) slog.Level { return slog.Level(b.entries[i].level) }

// Data returns that field of At(i).
func (b *Batch) Data(i int) []byte {
	e := &b.entries[i]
	end := e.start + int(e.length)
	return b.buf[e.start:end:end]
}

// All returns the records of b in order.
func (b *Batch) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range b.entries {
			if !yield(b.At(i)) {
				return
			}
		}
	}
}

// ReadLimits bounds one Read.
type ReadLimits struct {
	Records  int        // at most so many; 0: no limit
	Bytes    int        // at most so many of payload, but always one record; 0: no limit
	MinLevel slog.Level // records below it are passed without a copy; the zero Level is Info
}

// Read resets b and copies the next records of one life into it, in order, up to
// the first that is not yet readable and within the limits. It does not wait for
// anybody; where a backlog lies in files it reads them. It returns how many records
// it has passed because of their level, and whether it stopped at a limit, or at
// the end of an earlier life, with more to read; if not, Arm says when there is
// more. Records that it finds lost or unreadable it passes; see [Position].
func (c *Cursor) Read(b *Batch, l ReadLimits) (filtered int, more bool) {
	b.life, b.entries, b.payload, b.buf = c.j.id, b.entries[:0], 0, b.buf[:0]
	var era *era
	for {
		s, ok := c.begin(era)
		if !ok {
			more = s != nil
			break
		}
		era = s.seg.era
		b.life = era.id
		stop := c.copy(s, b, l)
		filtered += s.filtered
		if c.finish(s) {
			c.file.close() // it is not needed any more
		}
		if stop != atEnd || s.last {
			more = stop == atLimit
			break
		}
	}
	return filtered, more
}

// span is a stretch of one segment that a cursor's owner walks over without a
// lock. The segment is pinned: evicted it may be, but not used again.
type span struct {
	seg      *segment
	from     uint64 // offset where it began
	off      uint64 // offset of the next frame
	seq      uint64 // and its position
	end      uint64 // offset behind the last frame
	endSeq   uint64 // position behind the last frame
	last     bool   // the segment was the active one
	inMemory bool   // the frames are read from memory, not from the file
	filtered int
	corrupt  uint64
}

// begin pins the cursor's segment and returns what can be walked of it. It returns
// false if there is nothing, and then a span if the next records are there but of
// another life than within.
func (c *Cursor) begin(within *era) (*span, bool) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, false
	}
	c.settle()
	seg := c.seg
	s := &c.span
	*s = span{seg: seg, from: c.off, off: c.off, seq: c.next, end: seg.end, endSeq: seg.endSeq}
	if !seg.sealed {
		s.last = true
		s.end, s.endSeq = j.reservedEnd()
	}
	faulted := seg.faulted.Load()
	switch {
	case s.off == s.end, seg.shut, faulted && !seg.sealed:
		return nil, false // or it is for the custodian to change that
	case within != nil && within != seg.era:
		return s, false
	}
	fresh := !seg.sealed || seg == j.previous
	s.inMemory = seg.words != nil && !faulted && (fresh || !seg.mapped() || !seg.kept)
	c.reading = true
	seg.pins++
	return s, true
}

// finish moves the cursor to where the span has come and lets go of its
// segment. It reports whether the segment is behind it.
func (c *Cursor) finish(s *span) (left bool) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	c.reading = false
	c.off, c.next = s.off, s.seq
	c.corrupt += s.corrupt
	if s.inMemory && s.from <= j.known {
		j.known = max(j.known, s.off)
	}
	left = s.seg.sealed && s.off == s.seg.end || j.closed
	j.unpin(s.seg)
	if left && c.places == nil {
		c.exhausted = false
		j.releaseWaiting()
	}
	return left
}

// reason is why copying ended.
type reason int

const (
	atEnd         reason = iota // of the span
	atLimit                     // and there is more
	atUnpublished               // frame, or one that cannot be read now
)

// copy copies records of s into b until a limit, the end or an unpublished frame.
func (c *Cursor) copy(s *span, b *Batch, l ReadLimits) (stop reason) {
	switch {
	case !s.inMemory:
		return c.copyFile(s, b, l)
	case !s.seg.mapped():
		return s.copy(b, l)
	}
	if err := s.seg.guard(func() { stop = s.copy(b, l) }); err != nil {
		c.j.fault(s.seg, err)
		return atUnpublished
	}
	return stop
}

// copy is Cursor.copy for frames in memory.
func (s *span) copy(b *Batch, l ReadLimits) reason {
	for s.off < s.end {
		st, length := s.awaitPublished()
		switch {
		case st == frame.Reserved:
			return atUnpublished
		case st == frame.Void:
			s.skip(length)
			s.corrupt++
		case frame.UnpackLevel(frameAt(s.seg, s.off)[frame.WordCheck]) < l.MinLevel:
			s.skip(length)
			s.filtered++
		case !b.fits(length, l):
			return atLimit
		default:
			if cap(b.entries) == 0 {
				b.reserve(length, int(s.end-s.off), l)
			}
			s.copyRun(b, l)
		}
	}
	return atEnd
}

// skip passes the next frame. Whoever counts it does so afterwards: it may be broken, and
// reading the memory of a file may fault.
func (s *span) skip(length int) {
	if s.off+frame.Bytes(length) > s.end || frameAt(s.seg, s.off)[frame.WordSeq] != s.seq-s.seg.shift {
		s.broken(s.off, s.seq-s.seg.shift, length)
	}
	s.off += frame.Bytes(length)
	s.seq++
}

// copyRun copies the next frame, which is to be copied, and those behind it up to one that
// is not, or not yet. They lie side by side, so their bytes are copied in one go: that takes
// less than half as long as payload by payload. b and s change at the end: reading the
// memory of a file may fault.
func (s *span) copyRun(b *Batch, l ReadLimits) {
	var (
		seg     = s.seg
		off     = s.off
		seq     = s.seq - seg.shift
		entries = b.entries
		payload = b.payload
		start   = len(b.buf) + frame.Header // of the next payload
	)
	for off < s.end {
		words := frameAt(seg, off)
		st, length, lap := frame.UnpackState(atomic.LoadUint64(&words[frame.WordState]))
		if st != frame.Published || lap != seg.lap {
			break
		}
		level := frame.UnpackLevel(words[frame.WordCheck])
		if level < l.MinLevel || !l.fit(len(entries), payload, length) {
			break
		}
		size := frame.Bytes(length)
		if off+size > s.end || words[frame.WordSeq] != seq {
			s.broken(off, seq, length)
		}
		entries = append(entries, entry{})
		e := &entries[len(entries)-1] // in place: an entry put together first is written twice
		e.seq, e.time, e.start, e.length, e.level = seq, words[frame.WordTime], start, uint32(length), int32(level)
		payload += length
		off += size
		start += int(size)
		seq++
	}
	b.buf = append(b.buf, seg.data[s.off-seg.base:off-seg.base]...)
	b.entries, b.payload = entries, payload
	s.off, s.seq = off, seq+seg.shift
}

// broken panics: the frame at off is not that of the sequence seq, or goes beyond the span.
func (s *span) broken(off, seq uint64, length int) {
	if off+frame.Bytes(length) > s.end {
		panic(brokenFrame(fmt.Sprintf("journal: broken frame at %d: length %d", off, length)))
	}
	panic(brokenFrame(fmt.Sprintf("journal: broken frame at %d: sequence %d instead of %d", off, frameAt(s.seg, off)[frame.WordSeq], seq)))
}

// awaitPublished returns the state of the next frame. One that is reserved is
// about to be published, in the time of a copy unless its writer was preempted:
// for a moment it is waited for, so that a batch that is there does not come
// apart into two.
func (s *span) awaitPublished() (st frame.State, length int) {
	const (
		looks  = 64 // some hundred nanoseconds
		yields = 16 // then others run, the writer perhaps among them
	)
	for i := range looks + yields {
		if st, length = s.seg.state(s.off); st != frame.Reserved {
			break
		}
		if i >= looks {
			runtime.Gosched()
		}
	}
	return st, length
}

// fits reports whether a payload of length bytes is within the limits.
func (b *Batch) fits(length int, l ReadLimits) bool { return l.fit(len(b.entries), b.payload, length) }

// fit is fits for a batch of n records and so many bytes of payload.
func (l *ReadLimits) fit(n, payload, length int) bool {
	return n == 0 || (l.Records <= 0 || n < l.Records) && (l.Bytes <= 0 || payload+length <= l.Bytes)
}

// reserve makes room for what is to come, if it is like its first record: growing by
// doubling would leave as much garbage again. left is how many bytes of frames there are.
func (b *Batch) reserve(length, left int, l ReadLimits) {
	if l.Records <= 0 || l.Bytes <= 0 {
		return
	}
	payload := min(max(l.Bytes, length), left) // more would be of no use, nor would there be a number for it
	records := min(l.Records, payload/max(length, 1)+1, left/frame.Header)
	b.buf = make([]byte, 0, min(int64(records)*int64(frame.Bytes(length+length/8)), int64(payload)+int64(records)*frame.Overhead, int64(left)))
	b.entries = make([]entry, 0, min(l.Records, left/int(frame.Bytes(length))))
}

func (b *Batch) add(seq, time uint64, level slog.Level, payload []byte) {
	b.entries = append(b.entries, entry{seq, time, len(b.buf), uint32(len(payload)), int32(level)})
	b.payload += len(payload)
	b.buf = append(b.buf, payload...)
}
