package fapilog

import (
	"slices"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// batch is a run of records on their way to one sink, in memory of the
// delivery's own. It is the delivery's that read it.
type batch struct {
	memory  journal.Batch // what the records' JSON lies in
	records []sink.Record
	passage *passage   // what becomes of them
	origin  *diversion // the records were diverted here; nil: read by this delivery's own cursor

	// pieces are the records that still have to be delivered, in order. There
	// is more than one piece once the destination refused the batch as a whole.
	pieces    [][]sink.Record
	condemned []condemned // to be quarantined or dropped before anything else

	given       []sink.Record // the copy of a piece that Write has, or had
	attempt     *attempt      // the Write that has a piece now; stays while it is abandoned but has not returned
	failures    int           // in a row; the exponent of the backoff
	notBefore   time.Time     // end of the backoff; zero: none
	tried       time.Time     // when the first attempt began; zero: none has
	quarantines int           // failed writes of condemned records
	split       bool          // the destination found it too large
	hadLimit    int           // when split: the delivery's limit before
	lent        bool          // an abandoned Write of the fallback may still read the memory
}

// condemned is a record that the destination will never take.
type condemned struct {
	record sink.Record
	reason Reason // DroppedRejected or DroppedTooLarge
	err    string
}

// load makes records of what b's memory holds.
func (b *batch) load(p *Pipeline) {
	m := &b.memory
	b.records = slices.Grow(b.records[:0], m.Len())[:m.Len()]
	if p.replays {
		for i := range b.records {
			b.records[i] = replayedRecord(m.At(i))
		}
		return
	}
	id := m.Journal()
	for i := range b.records {
		r := &b.records[i] // in place and field by field: less than half as long as through an Entry
		r.ID.Journal = id
		r.ID.Seq, r.Time, r.Level, r.JSON = m.Seq(i), m.Time(i), m.Level(i), m.Data(i)
	}
}

// left returns the number of records of b that are not settled, and their size.
func (b *batch) left() (n uint64, bytes int64) {
	for _, piece := range b.pieces {
		n += uint64(len(piece))
		bytes += size(piece)
	}
	for _, c := range b.condemned {
		bytes += int64(len(c.record.JSON))
	}
	return n + uint64(len(b.condemned)), bytes
}

// settled reports whether nothing of b is left.
func (b *batch) settled() bool { return len(b.pieces) == 0 && len(b.condemned) == 0 }

// size returns the bytes of the records' JSON.
func size(records []sink.Record) (n int64) {
	for i := range records {
		n += int64(len(records[i].JSON))
	}
	return n
}

// halve replaces the first piece by its two halves. The first has no room to
// grow into the second: a sink may append to what it is given.
func (b *batch) halve() {
	piece := b.pieces[0]
	half := len(piece) / 2
	rest := b.pieces[1:]
	b.pieces = append([][]sink.Record{piece[:half:half], piece[half:]}, rest...)
}

// condemn takes record out of what is to be delivered; the caller has removed
// it from its piece.
func (b *batch) condemn(record sink.Record, reason Reason, err string) {
	b.condemned = append(b.condemned, condemned{record, reason, err})
}
