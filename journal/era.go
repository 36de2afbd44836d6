package journal

import (
	"io/fs"

	"github.com/fapilog/fapilog/journal/internal/life"
)

// era is the stretch of positions that the records of one life take: those that
// an earlier life has left or, the last, the journal's own.
type era struct {
	id    [16]byte
	first uint64     // position of its first record
	end   uint64     // position behind its last; that of the own era is never reached
	shift uint64     // position less sequence, modulo 2⁶⁴
	dead  *life.Dead // nil: the own era
	shut  bool       // its tallies are being carried, and take nothing more
	gone  bool       // its tallies are carried, and its directory is removed
	bytes int64      // room that its files take
}

// own returns the journal's own era.
func (j *Journal) own() *era { return j.eras[len(j.eras)-1] }

// earlierLives returns how many are still to be drained. It has j.mu.
func (j *Journal) earlierLives() (n int) {
	for _, e := range j.eras {
		if e.dead != nil && !e.gone {
			n++
		}
	}
	return n
}

// owed returns how many records in [from, to) the cursor has to account for: all
// but those that were settled under its key before it was made.
func (c *Cursor) owed(from, to uint64) uint64 {
	n := to - from
	for i := range c.places {
		e, p := c.j.eras[i], &c.places[i]
		if low, high := max(from, e.first), min(to, p.start); low < high {
			n -= high - low
		}
	}
	return n
}

// Owes reports whether the record of that life and sequence was the cursor's to
// account for when it was made: not if it was settled under the cursor's key before,
// or left out by FromEnd. A cursor whose progress is not kept owes every record. Safe
// for concurrent use.
func (c *Cursor) Owes(life [16]byte, seq uint64) bool {
	if c.places == nil {
		return true
	}
	for i := range c.places {
		if e := c.j.eras[i]; e.id == life {
			return seq >= c.places[i].start-e.shift
		}
	}
	return false
}

// place is where a cursor stands in one era.
type place struct {
	start uint64    // what of the era lies before this position was settled when the cursor was made
	mark  life.Mark // what the era's cursor file says, or would if it could be written
	file  *life.CursorFile
	info  fs.FileInfo // of the own era's file, as it was opened; nil: not known
}

// skipSettled returns the first position from on that the cursor owes.
func (c *Cursor) skipSettled(from uint64) uint64 {
	for i := range c.places {
		if e, p := c.j.eras[i], &c.places[i]; e.first <= from && from < p.start {
			from = p.start
		}
	}
	return from
}
