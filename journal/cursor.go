package journal

import (
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// CursorConfig says where a cursor begins, how it is told of new records, and
// whether appends wait for it. The zero value is a cursor that is never woken
// and holds nothing back.
type CursorConfig struct {
	// Key names the cursor in a durable journal: a later one of that key goes on
	// where this one stood. Empty: its progress is not kept.
	Key     string
	FromEnd bool // begin behind what earlier lives have left; only for a key that the directory has never held
	Standby bool // it reads nothing and holds nothing back: only its tally is kept

	Wake         chan<- struct{} // gets a value, without waiting, when what Arm asked for has come; capacity at least 1
	Block        bool            // appends wait for this cursor when the journal is full
	BlockTimeout time.Duration   // how long one append waits at most; 0: forever
}

// Cursor is a reader's place in a journal. Read, Arm and Ack are for one
// goroutine, its owner; Position and SetBlocking are safe for concurrent use.
type Cursor struct {
	j       *Journal
	key     string
	wake    chan<- struct{}
	timeout time.Duration
	start   uint64 // the position where it began
	keeping keeping

	// Guarded by j.mu.
	seg       *segment // stale once next is at most the oldest segment's first position
	off       uint64   // offset of the next frame, or of one before it
	next      uint64   // position of the next record to be read
	acked     uint64   // in a durable journal: everything before it is settled
	unstored  bool     // what Ack has booked last could not be kept
	acking    bool     // Ack is at work: what it has booked is not kept yet
	places    []place  // in each era of a durable journal; nil: no progress is kept
	lost      uint64
	corrupt   uint64
	reading   bool // its owner is in a span; seg, off and next are where that began
	armed     bool
	seqMark   uint64 // wake when this position is reserved
	offMark   uint64 // or the log is reserved up to here
	block     bool   // appends may wait for it at all
	blocking  bool   // and do so at present
	exhausted bool   // an append has waited for it in vain, and it has freed no segment since

	// Owned by the owner; here, so that Read does not allocate it.
	span span
	file fileReader
}

// Position is where a cursor stands. Next and End are positions: they number what
// the journal holds, the records of earlier lives first, and order them; the
// sequence of a record is that of its own life.
type Position struct {
	Next        uint64 // position of the next record to be read
	End         uint64 // position that the next record appended will get
	Passed      uint64 // records that the cursor has come past since it was made, lost and corrupt ones among them
	Unread      uint64 // records that are still to be read
	Lost        uint64 // of Passed, those that were evicted before they were read
	Corrupt     uint64 // of Passed, those that could not be read
	UnreadBytes int64  // about how many bytes of the log the unread ones take
}

// NewCursor returns a cursor at the oldest record that is retained or, in a
// durable journal, where an earlier cursor of that key has come to in each life.
// There is one cursor of a key at a time.
func (j *Journal) NewCursor(cfg CursorConfig) *Cursor {
	c := &Cursor{
		j:        j,
		key:      cfg.Key,
		wake:     cfg.Wake,
		timeout:  cfg.BlockTimeout,
		block:    cfg.Block,
		blocking: cfg.Block,
	}
	c.keeping.standby = cfg.Standby
	if j.store != nil && cfg.Key != "" {
		c.findPlaces(cfg.FromEnd)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	c.seg = j.oldest
	c.off, c.next = c.seg.base, c.seg.firstSeq
	c.start = c.next
	c.acked = c.skipSettled(c.next)
	if c.places != nil {
		j.keyed = append(j.keyed, c)
	}
	if !cfg.Standby {
		j.cursors = append(j.cursors, c)
	}
	return c
}

// Position returns a consistent snapshot: at every moment the cursor has passed
// exactly the records that were read, filtered, lost and corrupt. While a Read
// is at work its records are not yet passed, nor lost.
func (c *Cursor) Position() Position {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	if !c.reading {
		c.settle()
	}
	off, seq := c.j.reservedEnd()
	return Position{
		Next:        c.next,
		End:         seq,
		Passed:      c.owed(c.start, c.next),
		Unread:      c.owed(c.next, seq),
		Lost:        c.lost,
		Corrupt:     c.corrupt,
		UnreadBytes: int64(off - c.off),
	}
}

// settle counts what was evicted before the cursor read it and moves the cursor
// to the segment with the next record that it owes. It has j.mu, and the owner is
// not in a span.
func (c *Cursor) settle() {
	if o := c.j.oldest; c.next <= o.firstSeq {
		// Also if nothing was lost: the segment behind whose end the cursor
		// stands may be in use again.
		c.lost += c.owed(c.next, o.firstSeq)
		c.seg, c.off, c.next = o, o.base, o.firstSeq
	}
	if c.seg.astray {
		s := c.j.oldest
		for s.sealed && s.endSeq <= c.next {
			s = s.next
		}
		c.enter(s)
	}
	c.next = c.skipSettled(c.next)
	for c.seg.sealed && (c.off == c.seg.end || c.next >= c.seg.endSeq) {
		c.enter(c.seg.next)
	}
}

// enter moves the cursor to the beginning of s. What should be before that was
// evicted.
func (c *Cursor) enter(s *segment) {
	c.seg, c.off = s, s.base
	if c.next < s.firstSeq {
		c.lost += c.owed(c.next, s.firstSeq)
		c.next = s.firstSeq
	}
	c.next = c.skipSettled(c.next)
}

// passed returns the position before which the cursor needs nothing any more.
func (c *Cursor) passed() uint64 {
	if c.places != nil {
		return c.acked
	}
	return c.next
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
	if off == c.off || j.closed {
		return true // appends wait, but not for this cursor
	}
	// There is enough, but perhaps the first of it cannot be read. Then its
	// append has to do the waking, for all others may be over.
	c.seqMark, c.offMark = c.next, noMark
	j.setMarks()
	if !c.readable() {
		return true
	}
	c.armed = false
	j.setMarks()
	return false
}

// readable reports whether the next frame can be read, or has been found to be
// lost. It has j.mu. The custodian wakes who waits for a file, or for the end of a
// segment that has failed.
func (c *Cursor) readable() bool {
	s := c.seg
	switch {
	case s.shut:
		return false
	case s.sealed && s != c.j.previous || s.words == nil:
		return true
	case s.faulted.Load():
		return s.sealed
	}
	return c.j.published(s, c.off, c.off+1) > c.off
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
	return c.blocking && !c.exhausted && c.passed() < s.endSeq
}

// frameAt reads a frame's header words in memory.
func frameAt(s *segment, off uint64) []uint64 {
	return s.words[(off-s.base)/bytesPerWord:][:frame.HeaderWords:frame.HeaderWords]
}
