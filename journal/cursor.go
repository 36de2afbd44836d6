package journal

import (
	"slices"
	"time"
)

// CursorConfig says how a cursor is told of new records, and whether appends
// wait for it. The zero value is a cursor that is never woken and holds nothing
// back.
type CursorConfig struct {
	Wake         chan<- struct{} // gets a value, without waiting, when what Arm asked for has come; capacity at least 1
	Block        bool            // appends wait for this cursor when the journal is full
	BlockTimeout time.Duration   // how long one append waits at most; 0: forever
}

// Cursor is a reader's place in a journal. Read, Arm, Disarm and SkipTo are for
// one goroutine, its owner; Position, SetBlocking and Detach are safe for
// concurrent use.
type Cursor struct {
	j       *Journal
	wake    chan<- struct{}
	timeout time.Duration

	// Guarded by j.mu.
	seg       *segment // stale once next is at most the oldest segment's first sequence
	off       uint64   // offset of the next frame
	next      uint64   // sequence of the next record to be read
	lost      uint64
	reading   bool // its owner is in a span; seg, off and next are where that began
	armed     bool
	seqMark   uint64 // wake when this sequence is reserved
	offMark   uint64 // or the log is reserved up to here
	block     bool   // appends may wait for it at all
	blocking  bool   // and do so at present
	exhausted bool   // an append has waited for it in vain, and it has freed no segment since

	span span // owned by the owner; here, so that Read does not allocate it
}

// Position is where a cursor stands.
type Position struct {
	Next        uint64 // sequence of the next record to be read
	End         uint64 // sequence that the next record appended will get
	Lost        uint64 // records evicted before they were read, in all
	UnreadBytes int64  // bytes of the log between Next and End
}

// NewCursor returns a cursor at the oldest record that is retained.
func (j *Journal) NewCursor(cfg CursorConfig) *Cursor {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := &Cursor{
		j:        j,
		wake:     cfg.Wake,
		timeout:  cfg.BlockTimeout,
		seg:      j.oldest,
		off:      j.oldest.base,
		next:     j.oldest.firstSeq,
		block:    cfg.Block,
		blocking: cfg.Block,
	}
	j.cursors = append(j.cursors, c)
	return c
}

// Position returns a consistent snapshot: at every moment the cursor has passed
// exactly the records that were read, filtered, skipped and lost. While a Read
// is at work its records are not yet passed, nor lost.
func (c *Cursor) Position() Position {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	if !c.reading {
		c.settle()
	}
	off, seq := c.j.reservedEnd()
	return Position{Next: c.next, End: seq, Lost: c.lost, UnreadBytes: int64(off - c.off)}
}

// settle counts what was evicted before the cursor read it and moves the cursor
// to its segment. It has j.mu, and the owner is not in a span.
func (c *Cursor) settle() {
	if o := c.j.oldest; c.next <= o.firstSeq {
		// Also if nothing was lost: the segment behind whose end the cursor
		// stands may be in use again.
		c.lost += o.firstSeq - c.next
		c.seg, c.off, c.next = o, o.base, o.firstSeq
	}
	for c.seg.sealed && c.off == c.seg.end {
		c.seg = c.seg.next
	}
}

// Arm asks for one value on Wake as soon as that many records, or that many
// bytes of the log, lie unread; zero or less asks for none of that kind.
// Records whose append is still at work count, but the first of them has to be
// readable. It replaces an earlier Arm.
//
// Arm reports false, without arming, if there is something to read now and
// either that much of it or an append that waits for space. If it reports true,
// the value comes; it may come early, when an append begins to wait for space
// or when the next record is not readable yet, and one from an earlier Arm may
// still be in the channel: Read and Arm again.
func (c *Cursor) Arm(records, bytes int) bool {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	c.settle()
	c.armed, c.seqMark, c.offMark = true, noMark, noMark
	if records > 0 {
		c.seqMark = c.next + uint64(records) - 1
	}
	if bytes > 0 {
		c.offMark = c.off + uint64(bytes)
	}
	j.setMarks()

	// Appends that published before the marks were set have not compared with
	// them: look at what they published.
	off, seq := j.reservedEnd()
	if seq <= c.seqMark && off < c.offMark && j.waiting == 0 {
		return true
	}
	if off == c.off {
		return true // appends wait, but not for this cursor
	}
	// There is enough, but perhaps the first of it cannot be read. Then its
	// append has to do the waking, for all others may be over.
	c.seqMark, c.offMark = c.next, noMark
	j.setMarks()
	if st, _ := c.seg.state(c.off); st != published {
		return true
	}
	c.armed = false
	j.setMarks()
	return false
}

// Disarm takes back what Arm asked for. A value may still be in the channel.
func (c *Cursor) Disarm() {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.armed = false
	c.j.setMarks()
}

// SetBlocking says whether appends wait for this cursor at present, if it was
// made with Block; without, it does nothing. Appends that wait for it now look
// again.
func (c *Cursor) SetBlocking(on bool) {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.blocking = c.block && on
	c.j.releaseWaiting()
}

// blocks reports whether an append has to wait before it evicts s, the oldest
// segment.
func (c *Cursor) blocks(s *segment) bool {
	return c.blocking && !c.exhausted && c.next < s.endSeq
}

// Detach makes the journal forget the cursor: it holds nothing back and is not
// woken any more. Its Position can still be asked for, and what is retained
// anyway can still be read.
func (c *Cursor) Detach() {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cursors = slices.DeleteFunc(j.cursors, func(other *Cursor) bool { return other == c })
	j.setMarks()
	j.releaseWaiting()
}
