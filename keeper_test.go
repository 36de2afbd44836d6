package fapilog

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/fapilog/fapilog/journal"
)

// ack is a call of Cursor.Ack.
type ack struct {
	next  uint64
	tally journal.Tally
}

// keeper stands between a delivery and its cursor: it notes what the journal is
// told, and what is wrong with that.
type keeper struct {
	d    *delivery
	real func(uint64, journal.Tally) error // the cursor's Ack

	mu       sync.Mutex
	acks     []ack
	sum      journal.Tally
	problems []error
}

// keepers returns one for each of p's deliveries. Nothing may have been logged
// yet.
func keepers(p *Pipeline) (all []*keeper) {
	for _, d := range p.deliveries {
		k := &keeper{d: d, real: d.ack}
		d.ack = k.ack
		all = append(all, k)
	}
	return all
}

// ack is on the delivery's goroutine. The journal is one in memory: a position in
// it is the sequence of the record there.
func (k *keeper) ack(next uint64, t journal.Tally) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	problem := func(format string, args ...any) { k.problems = append(k.problems, fmt.Errorf(format, args...)) }
	if n := len(k.acks); n > 0 && next < k.acks[n-1].next {
		problem("the journal was told of %d, and then of %d", k.acks[n-1].next, next)
	}
	k.acks = append(k.acks, ack{next, t})
	k.sum.Add(t)
	if k.d.cursor == nil {
		if next != 0 {
			problem("a standby told of position %d", next)
		}
		next = 0
	} else if unsettled := k.unsettled(); unsettled < next {
		problem("the journal was told of %d, and record %d is not settled", next, unsettled)
	}
	if n := k.sum.Appended() - k.sum.In; n != next {
		problem("the journal was told of position %d and of %d records before it", next, n)
	}
	return k.real(k.acks[len(k.acks)-1].next, t)
}

// unsettled returns the least position of a record of the delivery's own cursor
// that is not settled.
func (k *keeper) unsettled() uint64 {
	least := k.d.cursor.Position().Next
	batches := append([]*batch{}, k.d.window...)
	if k.d.diverting != nil {
		batches = append(batches, k.d.diverting)
	}
	for _, b := range batches {
		if b.origin != nil {
			continue
		}
		for _, piece := range b.pieces {
			for _, r := range piece {
				least = min(least, r.ID.Seq)
			}
		}
		for _, c := range b.condemned {
			least = min(least, c.record.ID.Seq)
		}
	}
	return least
}

// close compares the sum of what the journal was told with the ledger, once the
// pipeline is closed and the delivery's loop has ended.
func (k *keeper) close() []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	row := k.d.stats()
	told, booked := reflect.ValueOf(k.sum), reflect.ValueOf(k.d.ledger.tally)
	for i := range told.NumField() {
		// What is settled of a batch that is left is not told.
		if t, b := told.Field(i).Uint(), booked.Field(i).Uint(); t > b || t < b && row.Pending == 0 {
			k.problems = append(k.problems, fmt.Errorf("the journal was told of %d %s, the ledger has %d", t, told.Type().Field(i).Name, b))
		}
	}
	if a := k.d.ledger.tally; k.sum.Attempts != a.Attempts || k.sum.Failures != a.Failures {
		k.problems = append(k.problems, fmt.Errorf("the journal was told of %d attempts, %d failed; the ledger has %d, %d", k.sum.Attempts, k.sum.Failures, a.Attempts, a.Failures))
	}
	return k.problems
}
