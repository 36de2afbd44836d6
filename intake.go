package fapilog

import (
	"log/slog"
	"slices"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// fill reads batches into the window while it has room. It reports whether it
// did anything.
func (d *delivery) fill(now time.Time) (progress bool) {
	if d.gaveUp.Load() {
		return false
	}
	for len(d.window) < d.config.InFlight || d.gone {
		b := d.next(now)
		if b == nil {
			break
		}
		progress = true
		if b.settled() { // nothing in it was for this sink
			d.recycle(b)
			continue
		}
		if d.gone {
			d.drop(b, DroppedGone, "")
			d.settle(b)
			continue
		}
		d.window = append(d.window, b)
	}
	if len(d.window) == 0 && !progress {
		d.tryPing(now)
	}
	return progress
}

// next returns the next batch, diverted ones and the journal's in turn, or nil
// when there is none yet.
func (d *delivery) next(now time.Time) *batch {
	if len(d.inbox) > 0 && !d.fromInbox {
		d.fromInbox = true
		return d.takeDiverted()
	}
	d.fromInbox = false
	for d.cursor != nil && d.due(now) {
		if b := d.read(now); b != nil {
			return b
		}
	}
	if len(d.inbox) > 0 {
		d.fromInbox = true
		return d.takeDiverted()
	}
	return nil
}

// due reports whether the journal's next records are to be read now: a full
// batch is there, the oldest has waited for the linger, or someone waits for
// it. If not, it has arranged for a wake-up.
func (d *delivery) due(now time.Time) bool {
	if d.cursor.Arm(1, 0) {
		d.emptied = now
		return false
	}
	pos := d.cursor.Position()
	if d.closing || d.flushTarget() > pos.Next {
		return true
	}
	since := d.pipeline.journal.AppendedAt(pos.Next)
	if since.Before(d.emptied) {
		since = d.emptied
	}
	due := since.Add(d.config.Linger)
	if !now.Before(due) || !d.cursor.Arm(d.config.BatchRecords, d.batchBytes()) {
		return true
	}
	d.at(due)
	return false
}

// batchBytes returns the size of a full batch.
func (d *delivery) batchBytes() int {
	if d.limit > 0 {
		return min(d.limit, d.config.BatchBytes)
	}
	return d.config.BatchBytes
}

// read takes the next batch from the journal. It may come out empty.
func (d *delivery) read(now time.Time) *batch {
	d.passLosses()
	b := d.newBatch()
	filtered, more := d.cursor.Read(&b.memory, journal.ReadLimits{
		Records:  d.config.BatchRecords,
		Bytes:    d.batchBytes(),
		MinLevel: d.level(),
	})
	if !more {
		d.emptied = now
	}
	pos := d.cursor.Position()
	if pos.Passed == d.ledger.passed {
		// What was there has been evicted, and the next record is reserved but
		// not published yet.
		d.recycle(b)
		return nil
	}
	b.load(d.pipeline)
	if d.filter != nil {
		all := len(b.records)
		b.records = d.sift(b.records)
		filtered += all - len(b.records)
	}
	if len(b.records) > 0 {
		b.pieces = append(b.pieces, slices.Clip(b.records))
	}

	b.passage = &passage{tally: journal.Tally{Filtered: uint64(filtered)}}
	if b.memory.Len() > 0 {
		b.passage.life = b.memory.At(0).Journal
	}
	d.pass(pos, b.passage, uint64(len(b.records)), size(b.records))
	return b
}

// level returns the lowest level that the sink wants now. A Leveler that panics, or
// ends its goroutine, counts as Info.
func (d *delivery) level() (level slog.Level) {
	switch l := (*d.leveler.Load()).(type) {
	case slog.Level:
		return l
	case *slog.LevelVar:
		return l.Level()
	default:
		aside(func() { level = d.askLevel(l) })
	}
	return level
}

// askLevel returns l's level, or Info if it panics. Safe for concurrent use.
func (d *delivery) askLevel(l slog.Leveler) (level slog.Level) {
	defer func() {
		if v := recover(); v != nil {
			d.reportPanic("level", v)
		}
	}()
	return l.Level()
}

// aside calls f, which ends in code of the user, on another goroutine and waits for it:
// runtime.Goexit there would end the loop.
func aside(f func()) {
	done := make(chan struct{}) // closed when f has returned, or ended its goroutine
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// sift keeps the records that the user's filter wants, in place. One that ends its
// goroutine lets the record through, like one that panics.
func (d *delivery) sift(records []sink.Record) []sink.Record {
	kept, next := records[:0], 0
	for next < len(records) {
		aside(func() {
			for ; next < len(records); next++ {
				if r := records[next]; d.passes(r) {
					kept = append(kept, r)
				}
			}
		})
		if next < len(records) { // Goexit at this record
			kept = append(kept, records[next])
			next++
		}
	}
	return kept
}

// passes asks the user's filter. One that panics lets the record through.
func (d *delivery) passes(r sink.Record) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			ok = true
			d.reportPanic("filter", v)
		}
	}()
	return d.filter(r)
}
