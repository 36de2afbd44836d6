package fapilog

import (
	"slices"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// diversion is what is left of a batch on its way through another sink. The
// sink it came from settles it when all of its records are settled there.
type diversion struct {
	from  *delivery
	batch *batch // from's; its memory stays untouched until from.diverted

	// Set by the sink that receives it.
	records []sink.Record // what that sink writes; the rest comes by its own cursor
	need    uint64        // the position up to which its own cursor must have settled everything for that
	read    bool          // an abandoned Write may still read batch's memory there
}

// divert hands b, which may be the next trial at retryAt, to the fallback, one batch
// at a time. It reports whether it did.
func (d *delivery) divert(b *batch, retryAt time.Time) bool {
	if d.closing && d.fallback.gaveUp.Load() {
		d.giveUp()
		return true
	}
	if d.diverting != nil {
		d.at(retryAt) // the fallback's answer wakes us, or b is the next trial
		return false
	}
	d.diverting = b // retire takes it out of the window
	v := &diversion{from: d, batch: b}
	to := d.fallback
	to.post(func(time.Time) { to.receiveDiverted(v) })
	return true
}

// receiveDiverted sorts out which of v's records this sink has to write and
// which its own cursor carries anyway, so that each reaches it once.
func (d *delivery) receiveDiverted(v *diversion) {
	all := slices.Concat(v.batch.pieces...)
	carried := d.carries(all)
	for _, r := range all {
		if len(carried) > 0 && carried[0].ID == r.ID {
			carried = carried[1:]
			v.need = v.batch.passage.end
			continue
		}
		v.records = append(v.records, r)
	}
	d.setState(func(l *ledger) {
		l.tally.In += uint64(len(v.records))
		l.held += uint64(len(v.records))
		l.heldBytes += size(v.records)
	})
	if len(v.records) == 0 {
		d.answer(v)
		return
	}
	d.inbox = append(d.inbox, v)
}

// carries returns those of the records, in order, that this sink's own cursor
// carries as well. What it had passed before this process is not among them: it was
// judged by other settings then, or not at all, and perhaps never written.
func (d *delivery) carries(records []sink.Record) (own []sink.Record) {
	if d.cursor == nil {
		return nil
	}
	level := d.level()
	for _, r := range records {
		if r.Level >= level && d.cursor.Owes(r.ID.Journal, r.ID.Seq) {
			own = append(own, r)
		}
	}
	if d.filter != nil {
		own = d.sift(own)
	}
	return own
}

// takeDiverted makes a batch of the oldest diversion.
func (d *delivery) takeDiverted() *batch {
	v := d.inbox[0]
	d.inbox = d.inbox[1:]
	b := d.newBatch()
	b.origin = v
	b.passage = &passage{end: v.batch.passage.end, tally: journal.Tally{In: uint64(len(v.records))}} // end: for this sink's own fallback
	b.records = append(b.records, v.records...)
	b.pieces = d.cut(b.pieces, b.records)
	return b
}

// cut appends records to pieces in runs no larger than a batch of this sink may
// be: they were read for another sink.
func (d *delivery) cut(pieces [][]sink.Record, records []sink.Record) [][]sink.Record {
	from, bytes := 0, 0
	for i, r := range records {
		if n := i - from; n > 0 && (n == d.config.BatchRecords || bytes+len(r.JSON) > d.batchBytes()) {
			pieces = append(pieces, records[from:i:i])
			from, bytes = i, 0
		}
		bytes += len(r.JSON)
	}
	return append(pieces, slices.Clip(records[from:]))
}

// answer is called when v's own records are settled: what this sink's cursor
// carries of it may still have to be waited for. See acknowledge.
func (d *delivery) answer(v *diversion) { d.carried = append(d.carried, v) }

// diverted has v's batch booked where it came from. Safe for concurrent use.
func (d *delivery) diverted(v *diversion) {
	d.post(func(time.Time) {
		b := v.batch
		n, bytes := b.left()
		b.pieces = nil
		b.lent = v.read
		d.diverting = nil
		d.book(b, bytes, journal.Tally{Diverted: n})
		d.settle(b)
	})
}
