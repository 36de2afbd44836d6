package fapilog

import (
	"slices"

	"github.com/fapilog/fapilog/journal"
)

// passage is a stretch of the journal that a delivery's cursor has passed, and
// what became of its records. Passages are given back to the journal in their
// order, once settled: what it keeps for the next process is a position behind
// which nothing is unsettled, and the counts of exactly the records before it.
// A batch that was diverted here has a passage too, which is no stretch of the
// journal and not in that order.
type passage struct {
	end     uint64        // the position behind it
	life    [16]byte      // the journal that its records are of; zero: unknown
	tally   journal.Tally // what became of its records, as far as they are settled
	settled bool          // they all are
}

// absorb makes p and the passage behind it one, if both are settled and lie in
// one life: the journal keeps the counts of each life with its records. It reports
// whether it did.
func (p *passage) absorb(next *passage) bool {
	if !p.settled || !next.settled || p.life != next.life || p.life == [16]byte{} {
		return false
	}
	p.end = next.end
	p.tally.Add(next.tally)
	return true
}

// pass books that the cursor has come to pos since it was last booked: what p
// says has become of the records, and n of them, of the given size, that are
// held. What the cursor has lost on the way belongs to p too.
func (d *delivery) pass(pos journal.Position, p *passage, n uint64, bytes int64) {
	p.end, p.settled = pos.Next, n == 0
	if p.end > d.own {
		p.life = d.pipeline.journal.ID()
	}
	l := &d.ledger
	l.mu.Lock()
	p.tally.Overflow = pos.Lost - l.lost
	p.tally.Corrupt = pos.Corrupt - l.corrupt
	l.passed, l.lost, l.corrupt = pos.Passed, pos.Lost, pos.Corrupt
	l.tally.Add(p.tally)
	l.held += n
	l.heldBytes += bytes
	l.mu.Unlock()
	d.enqueue(p)
	if lost := p.tally.Overflow; lost > 0 {
		d.report(Event{Kind: EventDropped, Reason: DroppedOverflow, Count: lost, Err: "the journal is full"})
	}
	if corrupt := p.tally.Corrupt; corrupt > 0 {
		d.report(Event{Kind: EventDropped, Reason: DroppedCorrupt, Count: corrupt, Err: "unreadable in the journal"})
	}
}

// passLosses books what the cursor has lost since it last read.
func (d *delivery) passLosses() {
	if d.cursor == nil {
		return
	}
	// Only this goroutine reads, so all that the cursor has passed since is lost.
	if pos := d.cursor.Position(); pos.Passed > d.ledger.passed {
		d.pass(pos, new(passage), 0, 0)
	}
}

// enqueue adds p to those that the journal has not been told of. Settled
// neighbours become one: behind a batch that is stuck the queue stays short.
func (d *delivery) enqueue(p *passage) {
	if n := len(d.passages); n > 1 && d.passages[n-2].absorb(d.passages[n-1]) {
		d.passages = d.passages[:n-1]
	}
	d.passages = append(d.passages, p)
}

// keep tells the journal what has been settled since the last time: with one
// call, or one for each life. A count of attempts goes along with the next record
// that is settled, or with the last call of all.
func (d *delivery) keep() {
	d.join()
	for len(d.passages) > 0 && d.passages[0].settled {
		p := d.passages[0]
		d.passages = slices.Delete(d.passages, 0, 1)
		d.settledTo = p.end
		d.unkept.Add(p.tally)
		d.tell()
	}
	d.tell()
}

// join makes settled neighbours in the queue one.
func (d *delivery) join() {
	kept := d.passages[:0]
	for _, p := range d.passages {
		if n := len(kept); n == 0 || !kept[n-1].absorb(p) {
			kept = append(kept, p)
		}
	}
	clear(d.passages[len(kept):])
	d.passages = kept
}

// tell tells the journal what it has not been told.
func (d *delivery) tell() {
	if d.unkept.Appended() == 0 && (!d.stopping || d.unkept == journal.Tally{}) {
		return
	}
	// Where it cannot be kept the records come again after a crash, and nothing
	// else changes. The journal's health says why.
	_ = d.ack(d.settledTo, d.unkept)
	d.unkept = journal.Tally{}
}
