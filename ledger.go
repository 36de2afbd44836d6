package fapilog

import (
	"sync"
	"time"

	"github.com/fapilog/fapilog/journal"
)

// ledger counts what became of one sink's records. The delivery writes it,
// anyone may read it.
//
// Its invariant, under mu:
//
//	before.Appended() + passed + tally.In - before.In = tally.Appended() + held
type ledger struct {
	mu sync.Mutex

	before journal.Tally // what earlier processes have settled; constant
	tally  journal.Tally // that, and what this one has; as of the last booking

	// The cursor's position as of the last booking. Written by the delivery's
	// loop only, which may read them without mu.
	passed, lost, corrupt uint64

	held      uint64 // read or diverted here, and not in tally yet
	heldBytes int64

	activity activity

	lastSuccess  time.Time
	lastError    string
	parked, gone bool
}

// in returns where t counts what was dropped for the reason.
func (r Reason) in(t *journal.Tally) *uint64 {
	switch r {
	case DroppedOverflow:
		return &t.Overflow
	case DroppedCircuitOpen:
		return &t.CircuitOpen
	case DroppedRejected:
		return &t.Rejected
	case DroppedTooLarge:
		return &t.TooLarge
	case DroppedExpired:
		return &t.Expired
	case DroppedCorrupt:
		return &t.Corrupt
	}
	return &t.Gone
}

// tally returns n records dropped for the reason.
func (r Reason) tally(n uint64) (t journal.Tally) {
	*r.in(&t) = n
	return t
}

// byReason returns what was dropped, by reason; nil: nothing.
func byReason(t journal.Tally) map[Reason]uint64 {
	var all map[Reason]uint64
	for _, r := range reasons {
		n := *r.in(&t)
		if n == 0 {
			continue
		}
		if all == nil {
			all = make(map[Reason]uint64)
		}
		all[r] = n
	}
	return all
}

// stats returns d's row as of one moment. Safe for concurrent use.
func (d *delivery) stats() SinkStats {
	l := &d.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tally
	s := SinkStats{
		Name:         d.name,
		Appended:     l.before.Appended() + t.In - l.before.In,
		Filtered:     t.Filtered,
		Delivered:    t.Delivered,
		Diverted:     t.Diverted,
		Quarantined:  t.Quarantined,
		Pending:      l.held,
		Attempts:     t.Attempts,
		Failures:     t.Failures,
		Circuit:      d.breaker.State(),
		Parked:       l.parked,
		Gone:         l.gone,
		PendingBytes: l.heldBytes,
		LastSuccess:  l.lastSuccess,
		LastError:    l.lastError,
		LostBefore:   l.before.Quarantined + l.before.Dropped(),
	}
	if d.cursor != nil { // else a standby, which receives only what is diverted to it
		// Between a read and its booking the cursor is ahead of the ledger. Those
		// records are pending; what the cursor has lost since is dropped already.
		pos := d.cursor.Position()
		lost, corrupt := pos.Lost-l.lost, pos.Corrupt-l.corrupt
		t.Overflow += lost
		t.Corrupt += corrupt
		s.Appended += pos.Passed + pos.Unread
		s.Pending += pos.Passed - l.passed + pos.Unread - lost - corrupt
		s.PendingBytes += pos.UnreadBytes
		if acked := d.acked.Load(); acked < pos.End {
			s.OldestPending = time.Since(d.pipeline.journal.AppendedAt(acked))
		}
	}
	s.Dropped = byReason(t)
	return s
}
