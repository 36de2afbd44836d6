package journal

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// keeping is what a cursor needs to keep its progress on disk.
type keeping struct {
	mu      sync.Mutex // held for a store in mapped memory, or a write to a file of a life that is drained
	era     int        // the one that Ack was in last
	standby bool
	closed  bool
}

// findPlaces finds out where earlier cursors of c's key have come to.
func (c *Cursor) findPlaces(fromEnd bool) {
	j := c.j
	fresh := fromEnd && !j.knows(c.key)
	c.places = make([]place, len(j.eras))
	for i, e := range j.eras {
		p := &c.places[i]
		switch {
		case c.keeping.standby:
			if e.dead != nil {
				p.mark = e.dead.Marks[c.key]
			}
			p.mark.Next, p.mark.Origin = life.OwesNothing, life.OwesNothing
		case e.dead == nil:
		case fresh:
			p.mark = life.Mark{Next: e.dead.End, Origin: e.dead.End}
		default:
			p.mark = e.markOf(c.key)
		}
		p.start = e.first
		if e.dead != nil {
			p.start += min(p.mark.Next, e.dead.End) - (e.first - e.shift)
		}
		if e.dead != nil && fresh {
			c.keeping.era = i
			_ = c.store(i) // else a later process begins with what this one leaves out
			c.closeFile(i)
		}
	}
	c.keeping.era = 0
	c.refile()
}

// knows reports whether the directory has ever held a cursor of that key.
func (j *Journal) knows(key string) bool {
	for _, e := range j.eras {
		if e.dead == nil {
			continue
		}
		if _, ok := e.dead.Marks[key]; ok {
			return true
		}
		if _, ok := e.dead.Carried.Tallies[key]; ok {
			return true
		}
	}
	return false
}

// markOf returns where the cursor of that key stands in an earlier life: with no
// readable cursor, at the oldest record. What was removed before it was settled
// is lost.
func (e *era) markOf(key string) life.Mark {
	oldest := e.first - e.shift
	m, ok := e.dead.Marks[key]
	switch {
	case !ok:
		return life.Mark{Next: oldest, Origin: oldest}
	case m.Next < oldest:
		m.Tally.Overflow += oldest - m.Next
		m.Next = oldest
	}
	return m
}

// Settled returns the tally of what was settled under the cursor's key before it
// was made, in all earlier lives. It is zero for a journal in memory.
func (c *Cursor) Settled() (t Tally) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range c.places {
		if e := j.eras[i]; e.dead != nil {
			t.Add(c.places[i].mark.Tally)
			t.Add(e.dead.Carried.Tallies[c.key])
		}
	}
	return t
}

// Ack says that every record before the position next is settled and how: t is
// what has become of them, and of records diverted here, since the last call. A
// durable journal keeps both for the process that comes after a crash. next never
// goes back; a Read does not pass over records of two lives, so a batch's end is
// one. The error says that it could not be kept; it counts all the same, and is
// kept later if that can be. Ack is for the cursor's owner.
func (c *Cursor) Ack(next uint64, t Tally) error {
	if c.places == nil {
		return nil
	}
	k := &c.keeping
	k.mu.Lock()
	defer k.mu.Unlock()
	was, is := c.book(next, t)
	// The later life first: killed in between, what was lost at the end of the
	// earlier one is found to be lost again, rather than not accounted for.
	err := c.store(is)
	for i := was; i < is; i++ {
		err = errors.Join(err, c.store(i))
		c.closeFile(i)
	}
	k.era = is
	c.setUnstored(err != nil)
	// Only now: what is let go of must not be what a kill brings back.
	c.pass(next)
	return err
}

// setUnstored notes whether what Ack has booked is on disk.
func (c *Cursor) setUnstored(unstored bool) {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	c.unstored = unstored
}

// storeAgain stores what could not be stored before. It is the custodian's.
func (c *Cursor) storeAgain() {
	c.j.mu.Lock()
	unstored := c.unstored
	c.j.mu.Unlock()
	if !unstored {
		return
	}
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	if c.store(c.keeping.era) == nil {
		c.setUnstored(false)
	}
}

// anyUnstored reports whether a cursor has booked what is not on disk. It has j.mu.
func (j *Journal) anyUnstored() bool {
	return slices.ContainsFunc(j.keyed, func(c *Cursor) bool { return c.unstored })
}

// book books what Ack says and returns the eras from which to which it went.
func (c *Cursor) book(next uint64, t Tally) (was, is int) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	last := len(c.places) - 1
	was = c.keeping.era
	is = was
	for is < last && (c.keeping.standby || next > j.eras[is].end || j.eras[is].shut) {
		if m, e := &c.places[is].mark, j.eras[is]; !e.shut && !c.keeping.standby {
			m.Next = max(m.Next, e.dead.End)
		}
		is++
	}
	m, e := &c.places[is].mark, j.eras[is]
	if next > e.first {
		m.Next = max(m.Next, next-e.shift)
	}
	m.Tally.Add(t)
	c.acking = true // no life is let go of meanwhile
	return was, is
}

// pass lets go of what lies before next.
func (c *Cursor) pass(next uint64) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	c.acking = false
	if next > c.acked && !c.keeping.standby {
		c.acked = c.skipSettled(next)
	}
	if c.acked >= j.oldest.endSeq && j.oldest.sealed {
		c.exhausted = false
		j.releaseWaiting()
		j.store.kick()
	} else if j.earlierLives() > 0 {
		j.store.kick() // one of them may be done with
	}
}

// store writes the mark of an era to its cursor file. The caller has c.keeping.mu,
// or c is not yet anybody's.
func (c *Cursor) store(i int) error {
	j, p := c.j, &c.places[i]
	e := j.eras[i]
	if c.keeping.closed {
		return fs.ErrClosed
	}
	j.mu.Lock()
	mark, shut := p.mark, e.shut
	j.mu.Unlock()
	if e.dead == nil {
		return c.storeOwn(p, mark)
	}
	if shut {
		return nil // its tallies are counted elsewhere already
	}
	if p.file == nil {
		f, err := openCursor(j.store, e.dead.Dir, c.key, mark, false)
		if err != nil {
			return err
		}
		p.file = f
	}
	return p.file.Store(mark)
}

// storeOwn writes the mark of the own era. Without a file the custodian makes one
// when it can.
func (c *Cursor) storeOwn(p *place, mark life.Mark) error {
	if p.file == nil {
		return nil
	}
	err := p.file.Store(mark)
	if err != nil {
		_ = p.file.Close()
		p.file = nil
		c.j.degrade(err)
	}
	return err
}

// openCursor opens the file of a key's cursor in a life, or makes one.
func openCursor(st *store, dir, key string, m life.Mark, mapped bool) (*life.CursorFile, error) {
	f, _, err := life.OpenCursor(st.fs, dir, key, mapped)
	if err == nil {
		return f, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, life.ErrDamaged) {
		return nil, err
	}
	return life.CreateCursor(st.fs, dir, key, m, mapped)
}

// refile sees to it that c has a file in the journal's own life, if there is one.
func (c *Cursor) refile() {
	j := c.j
	own := j.ownLife()
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	i := len(c.places) - 1
	p := &c.places[i]
	if own == nil || p.file != nil || c.keeping.closed {
		return
	}
	j.mu.Lock()
	mark := p.mark
	j.mu.Unlock()
	f, err := openCursor(j.store, own.Dir, c.key, mark, j.store.fs.Mappable(own.Dir))
	if err == nil {
		err = f.Store(mark)
	}
	switch {
	case err == nil:
		p.file = f
		p.info, _ = j.store.fs.Lstat(life.CursorPath(own.Dir, c.key))
	case !ofTheDisk(err):
		j.store.complain(err)
		c.keeping.closed = true // it would be so again
	default:
		j.degrade(err)
	}
}

// ofTheDisk reports whether err may be over some time: it is the system's, not a
// file's that is of another version, or none of ours.
func ofTheDisk(err error) bool {
	_, system := errors.AsType[syscall.Errno](err)
	_, fault := errors.AsType[*disk.Fault](err)
	return system || fault
}

// replaced reports whether what is at the path of c's file in the journal's own life
// is another file.
func (c *Cursor) replaced(there fs.FileInfo) bool {
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	p := &c.places[len(c.places)-1]
	return p.file != nil && p.info != nil && !os.SameFile(p.info, there)
}

// unfile forgets c's file in the journal's own life.
func (c *Cursor) unfile() {
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	c.closeFile(len(c.places) - 1)
}

// closeFile closes c's file in an era. The caller has c.keeping.mu.
func (c *Cursor) closeFile(i int) {
	if p := &c.places[i]; p.file != nil {
		_ = p.file.Close()
		p.file = nil
	}
}

// close ends the keeping of c's progress.
func (c *Cursor) close() {
	c.keeping.mu.Lock()
	defer c.keeping.mu.Unlock()
	c.keeping.closed = true
	for i := range c.places {
		c.closeFile(i)
	}
}

// spotless reports whether c, which is closed, has nothing to remember of the
// journal's own life.
func (c *Cursor) spotless() bool {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	m := c.places[len(c.places)-1].mark
	return m.Tally == life.Tally{} && (m.Next == 0 || c.keeping.standby)
}
