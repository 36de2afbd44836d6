package journal

import (
	"fmt"
	"iter"
	"log/slog"
	"runtime"
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
	buf     []byte  // the payloads one after the other
}

// entry is an Entry as a batch keeps it.
type entry struct {
	seq   uint64
	time  uint64 // as in the frame
	level int32
	end   int // of its payload in the batch's buffer
}

// Len returns the number of records in b.
func (b *Batch) Len() int { return len(b.entries) }

// At returns the record i of b, from 0.
func (b *Batch) At(i int) Entry {
	e, start := &b.entries[i], 0
	if i > 0 {
		start = b.entries[i-1].end
	}
	return Entry{Journal: b.life, Seq: e.seq, Time: frame.UnpackTime(e.time), Level: slog.Level(e.level), Data: b.buf[start:e.end:e.end]}
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
	b.life, b.entries, b.buf = c.j.id, b.entries[:0], b.buf[:0]
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
		if st == frame.Reserved {
			return atUnpublished
		}
		if s.off+frame.Bytes(length) > s.end {
			panic(brokenFrame(fmt.Sprintf("journal: broken frame at %d: length %d", s.off, length)))
		}
		words := frameAt(s.seg, s.off)
		if words[frame.WordSeq] != s.seq-s.seg.shift {
			panic(brokenFrame(fmt.Sprintf("journal: broken frame at %d: sequence %d instead of %d", s.off, words[frame.WordSeq], s.seq-s.seg.shift)))
		}
		if st == frame.Void {
			s.corrupt++
		} else if level := frame.UnpackLevel(words[frame.WordCheck]); level < l.MinLevel {
			s.filtered++
		} else if b.fits(length, l) {
			if cap(b.entries) == 0 {
				b.reserve(length, int(s.end-s.off), l)
			}
			b.add(words[frame.WordSeq], words[frame.WordTime], level, s.seg.data[s.off-s.seg.base+frame.Header:][:length])
		} else {
			return atLimit
		}
		s.off += frame.Bytes(length)
		s.seq++
	}
	return atEnd
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
func (b *Batch) fits(length int, l ReadLimits) bool {
	n := len(b.entries)
	return n == 0 || (l.Records <= 0 || n < l.Records) && (l.Bytes <= 0 || len(b.buf)+length <= l.Bytes)
}

// reserve makes room for what is to come, if it is like its first record: growing by
// doubling would leave as much garbage again. left is how many bytes of frames there are.
func (b *Batch) reserve(length, left int, l ReadLimits) {
	if l.Records <= 0 || l.Bytes <= 0 {
		return
	}
	b.buf = make([]byte, 0, int(min(int64(l.Records)*int64(length+length/8), int64(max(l.Bytes, length)), int64(left))))
	b.entries = make([]entry, 0, min(l.Records, left/int(frame.Bytes(length))))
}

func (b *Batch) add(seq, time uint64, level slog.Level, payload []byte) {
	b.buf = append(b.buf, payload...)
	b.entries = append(b.entries, entry{seq, time, int32(level), len(b.buf)})
}
