package journal

import (
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"time"
)

// Entry is a record as Read returns it.
type Entry struct {
	Seq   uint64
	Time  time.Time  // as appended, without its location and monotonic clock; the zero Time if that was zero
	Level slog.Level // as appended
	Data  []byte     // the payload's copy, in the batch's memory
}

// Batch holds what Read has copied. The zero value is ready to use, and a batch
// that is used again keeps its memory: Read overwrites what an earlier Read
// returned.
type Batch struct {
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
	return Entry{Seq: e.seq, Time: unpackTime(e.time), Level: slog.Level(e.level), Data: b.buf[start:e.end:e.end]}
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

// Read resets b and copies the next records into it, in order, up to the first
// that is not yet readable and within the limits. It never waits. It returns
// how many records it has passed because of their level, and whether it stopped
// at a limit with more to read; if not, Arm says when there is more.
func (c *Cursor) Read(b *Batch, l ReadLimits) (filtered int, more bool) {
	b.entries, b.buf = b.entries[:0], b.buf[:0]
	for {
		s, ok := c.begin()
		if !ok {
			break
		}
		stop := s.copy(b, l)
		filtered += s.filtered
		c.finish(s)
		if stop != atEnd || s.last {
			more = stop == atLimit
			break
		}
	}
	return filtered, more
}

// SkipTo passes the records before seq without reading them, at most up to the
// journal's end, and returns how many that were: those that were lost before
// are not among them. It never moves backward.
func (c *Cursor) SkipTo(seq uint64) (skipped uint64) {
	for {
		s, ok := c.begin()
		if !ok {
			return skipped
		}
		from := s.seq
		s.skip(seq)
		skipped += s.seq - from
		c.finish(s)
		if s.seq >= seq || s.last {
			return skipped
		}
	}
}

// span is a stretch of one segment that a cursor's owner walks over without a
// lock. The segment is pinned: evicted it may be, but not used again.
type span struct {
	seg      *segment
	from     uint64 // offset where it began
	off      uint64 // offset of the next frame
	seq      uint64 // and its sequence
	end      uint64 // offset behind the last frame
	endSeq   uint64 // sequence behind the last frame
	last     bool   // the segment was the active one
	filtered int
	unseen   bool // frames were passed without a look at whether they are published
}

// begin pins the cursor's segment and returns what can be walked of it, or
// false if there is nothing.
func (c *Cursor) begin() (*span, bool) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	c.settle()
	s := &c.span
	*s = span{seg: c.seg, from: c.off, off: c.off, seq: c.next, end: c.seg.end, endSeq: c.seg.endSeq}
	if !c.seg.sealed {
		s.last = true
		s.end, s.endSeq = j.reservedEnd()
	}
	if s.off == s.end {
		return nil, false
	}
	c.reading = true
	s.seg.pins++
	return s, true
}

// finish moves the cursor to where the span has come and lets go of its
// segment.
func (c *Cursor) finish(s *span) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	c.reading = false
	c.off, c.next = s.off, s.seq
	if !s.unseen && s.from <= j.known {
		j.known = max(j.known, s.off)
	}
	left := s.seg.sealed && s.off == s.seg.end
	j.unpin(s.seg)
	if left {
		c.exhausted = false
		j.releaseWaiting()
	}
}

// reason is why copying ended.
type reason int

const (
	atEnd         reason = iota // of the span
	atLimit                     // and there is more
	atUnpublished               // frame
)

// copy copies records into b until a limit, the end or an unpublished frame.
func (s *span) copy(b *Batch, l ReadLimits) reason {
	for s.off < s.end {
		st, length := s.awaitPublished()
		if st != published {
			return atUnpublished
		}
		at := s.off - s.seg.base
		frame := s.seg.words[at/bytesPerWord:][:headerWords:headerWords]
		if frame[wordSeq] != s.seq {
			panic(fmt.Sprintf("journal: broken frame at %d: sequence %d instead of %d", s.off, frame[wordSeq], s.seq))
		}
		if level := unpackLevel(frame[wordLevel]); level < l.MinLevel {
			s.filtered++
		} else if b.fits(length, l) {
			b.add(s.seq, frame[wordTime], level, s.seg.data[at+headerBytes:][:length])
		} else {
			return atLimit
		}
		s.off += frameBytes(length)
		s.seq++
	}
	return atEnd
}

// awaitPublished returns the state of the next frame. One that is reserved is
// about to be published, in the time of a copy unless its writer was preempted:
// for a moment it is waited for, so that a batch that is there does not come
// apart into two.
func (s *span) awaitPublished() (st frameState, length int) {
	const (
		looks  = 64 // some hundred nanoseconds
		yields = 16 // then others run, the writer perhaps among them
	)
	for i := range looks + yields {
		if st, length = s.seg.state(s.off); st == published {
			break
		}
		if i >= looks {
			runtime.Gosched()
		}
	}
	return st, length
}

// skip walks on to the frame seq, or to the end.
func (s *span) skip(seq uint64) {
	if seq > s.seq {
		s.unseen = true
	}
	if seq >= s.endSeq {
		s.off, s.seq = s.end, s.endSeq
	}
	for s.seq < seq && s.off < s.end {
		_, length := s.seg.state(s.off)
		s.off += frameBytes(length)
		s.seq++
	}
}

// fits reports whether a payload of length bytes is within the limits.
func (b *Batch) fits(length int, l ReadLimits) bool {
	n := len(b.entries)
	return n == 0 || (l.Records <= 0 || n < l.Records) && (l.Bytes <= 0 || len(b.buf)+length <= l.Bytes)
}

func (b *Batch) add(seq, time uint64, level slog.Level, payload []byte) {
	b.buf = append(b.buf, payload...)
	b.entries = append(b.entries, entry{seq, time, int32(level), len(b.buf)})
}
