package fapilog

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// parkInterval is how often a parked sink is tried; up to a tenth is added at
// random.
const parkInterval = time.Minute

// delivery carries one sink's records from the journal to the sink. It is a
// state machine: step does all that can be done at a moment, never waits, and
// says when it wants to be called again. A loop calls it.
//
// Everything under "owned by the loop" is touched on the loop's goroutine only.
// What comes from elsewhere (the result of a Write, a diverted batch, Flush,
// Close) is a function posted to that goroutine.
type delivery struct {
	pipeline *Pipeline
	name     string
	sink     sink.Sink
	config   Delivery // every field set
	filter   func(sink.Record) bool
	leveler  atomic.Pointer[slog.Leveler] // config.Level, or what SetLevel has put in its place
	fallback *delivery                    // nil: none
	breaker  *breaker.Breaker
	cursor   *journal.Cursor                          // nil: a standby, which receives only what is diverted to it
	ack      func(next uint64, t journal.Tally) error // of the cursor, or of the one that keeps a standby's counts
	reporter *reporter
	clean    func(error) string // an error's text without secrets
	random   func() float64     // in [0, 1)

	wake chan struct{} // capacity 1: something was posted, or the journal has what the cursor waits for

	ledger ledger
	acked  atomic.Uint64 // every record before this position is settled
	gaveUp atomic.Bool   // closing, and nothing more will be tried
	idle   atomic.Bool   // closing, and nothing is left to do

	mu     sync.Mutex
	posted []func(now time.Time)

	// Owned by the loop.
	own         uint64        // position of the first record of this process; constant
	passages    []*passage    // not told to the journal, in order
	settledTo   uint64        // position behind the last that was; 0: a standby
	unkept      journal.Tally // settled, and to be told with that
	alarm       time.Time     // the earliest moment at which step has something to do; zero: none
	window      []*batch      // not settled, oldest first; at most InFlight
	diverting   *batch        // with the fallback now
	inbox       []*diversion  // diverted here, not in the window yet
	carried     []*diversion  // diverted here; what is left of them comes by this delivery's own cursor
	fromInbox   bool          // the newest batch of the window came from the inbox
	free        []*batch      // to be used again
	serial      bool          // other deliveries have the same loop: one attempt a turn
	turn        bool          // serial: an attempt may begin
	running     int           // Writes that have not returned, abandoned ones included
	abandoned   int           // of these
	abandonedAt time.Time     // when the last of them was, or last stood in the way of an attempt
	ping        *attempt      // a running Ping
	notBefore   time.Time     // no attempt before: Retry-After, or the next try while parked
	holds       int           // how often a destination asked for that, or parked
	asked       bool          // notBefore is what the destination asked for
	parked      bool
	gone        bool
	limit       int       // bytes that a batch may have after the destination refused larger ones; 0: BatchBytes
	emptied     time.Time // when the cursor was last seen at the journal's end
	blocking    bool      // appends wait for the cursor
	flushes     []flush
	quarantine
	closing  bool
	closeBy  time.Time // when closing: the deadline
	stopping bool
	stopBy   time.Time // when stopping: how long a cancelled Write may take to return
	stopped  bool
}

// flush asks for notice when everything before target is settled.
type flush struct {
	target uint64 // a position
	done   chan<- *delivery
}

func newDelivery(p *Pipeline, r route, wake chan struct{}) *delivery {
	d := &delivery{
		pipeline: p,
		name:     r.name,
		sink:     r.sink,
		config:   r.delivery,
		filter:   r.filter,
		breaker:  breaker.New(r.delivery.Breaker),
		reporter: p.reporter,
		clean:    masker(r.secrets),
		random:   rand.Float64,
		wake:     wake,
		serial:   p.config.Serial,
		blocking: r.delivery.OnFull == Block,
	}
	d.leveler.Store(&d.config.Level)
	d.ledger.activity = newActivity()
	d.quarantine.init(r)
	d.place(r)
	return d
}

// place gives d its cursor in the journal, and what earlier processes have
// settled under its key.
func (d *delivery) place(r route) {
	c := d.pipeline.journal.NewCursor(journal.CursorConfig{
		Key:          r.key,
		FromEnd:      r.from == FromEnd,
		Standby:      r.standby,
		Wake:         d.wake,
		Block:        d.blocking,
		BlockTimeout: max(0, d.config.BlockTimeout), // Forever is negative here, zero there
	})
	d.ack = c.Ack
	d.own = d.pipeline.journal.End() // nothing has been appended yet
	d.ledger.before = c.Settled()
	d.ledger.tally = d.ledger.before
	if r.standby {
		return
	}
	d.cursor = c
	d.settledTo = c.Position().Next
	d.acked.Store(d.settledTo)
}

// post has f called on the loop's goroutine. Safe for concurrent use; never
// blocks.
func (d *delivery) post(f func(now time.Time)) {
	d.mu.Lock()
	d.posted = append(d.posted, f)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default: // a wake-up is on its way already
	}
}

// step does everything that can be done at now. It returns when it wants to be
// called again even if nothing is posted and the journal stays silent; zero:
// not at all.
func (d *delivery) step(now time.Time) time.Time {
	d.alarm = time.Time{}
	for ; ; now = time.Now() { // what was done may have taken time: a filter, a quarantine's disk
		d.receive(now)
		if d.stopping {
			d.stopAttempts(now)
			return d.alarm
		}
		d.alarm = time.Time{}
		d.abandonPing(now)
		if d.fill(now) {
			continue // what came while a filter was at it, Close above all, goes before attempts
		}
		progress := false
		for _, b := range d.window {
			progress = d.advance(b, now) || progress
		}
		if d.retire() {
			// Before the next attempt: a kill must not find two batches to deliver again.
			d.keep()
			progress = true
		}
		if !progress {
			break
		}
	}
	d.unblock()
	d.acknowledge()
	if d.closing {
		d.idle.Store(d.gaveUp.Load() && d.live() == 0 || d.done())
		d.pipeline.closer.poke()
	}
	return d.alarm
}

// receive runs what was posted.
func (d *delivery) receive(now time.Time) {
	d.mu.Lock()
	posted := d.posted
	d.posted = nil
	d.mu.Unlock()
	for _, f := range posted {
		f(now)
	}
}

// at asks for a step at t.
func (d *delivery) at(t time.Time) {
	if d.alarm.IsZero() || t.Before(d.alarm) {
		d.alarm = t
	}
}

// live returns the number of Writes under way that have not been abandoned.
func (d *delivery) live() int { return d.running - d.abandoned }

// advance takes b as far as it goes at now and reports whether that was any
// further.
func (d *delivery) advance(b *batch, now time.Time) (progress bool) {
	switch {
	case b.attempt != nil && !b.attempt.abandoned: // its answer counts, even when the sink has ended meanwhile
		if now.Before(b.attempt.deadline) {
			d.at(b.attempt.deadline)
			return false
		}
		d.abandon(b, now)
		return true
	case d.gone:
		d.drop(b, DroppedGone, "")
		return true
	case len(b.condemned) > 0:
		return d.setAside(b, now)
	case len(b.pieces) == 0 || d.gaveUp.Load():
		return false
	case d.expired(b, now):
		d.drop(b, DroppedExpired, "tried for longer than retry-for")
		return true
	}
	return d.begin(b, now)
}

// expired reports whether b has been tried for longer than it is to be.
func (d *delivery) expired(b *batch, now time.Time) bool {
	if d.config.RetryFor == 0 || b.tried.IsZero() {
		return false
	}
	end := b.tried.Add(d.config.RetryFor)
	if now.Before(end) {
		d.at(end)
		return false
	}
	return true
}

// retire removes settled batches from the window and reports whether there were
// any.
func (d *delivery) retire() bool {
	kept := d.window[:0]
	for _, b := range d.window {
		switch {
		case b.settled():
			d.settle(b)
		case b != d.diverting:
			kept = append(kept, b)
		}
	}
	retired := len(kept) < len(d.window)
	clear(d.window[len(kept):])
	d.window = kept
	return retired
}

// settle lets go of a batch of which nothing is left.
func (d *delivery) settle(b *batch) {
	if b.origin == nil {
		b.passage.settled = true
	} else {
		d.unkept.Add(b.passage.tally) // In, and what became of those: a crash keeps both or neither
		b.origin.read = b.attempt != nil || b.lent
		d.answer(b.origin)
	}
	d.recycle(b)
}

func (d *delivery) newBatch() *batch {
	if n := len(d.free); n > 0 {
		b := d.free[n-1]
		d.free = d.free[:n-1]
		return b
	}
	return new(batch)
}

// recycle keeps b's memory for another batch, unless an abandoned Write may
// still read it.
func (d *delivery) recycle(b *batch) {
	if b.attempt != nil || b.lent || len(d.free) > d.config.InFlight {
		return
	}
	*b = batch{memory: b.memory, records: b.records[:0], pieces: b.pieces[:0], condemned: b.condemned[:0], given: b.given[:0]}
	d.free = append(d.free, b)
}

// drop books what is left of b as dropped for reason.
func (d *delivery) drop(b *batch, reason Reason, why string) {
	n, bytes := b.left()
	b.pieces, b.condemned = nil, nil
	d.book(b, bytes, reason.tally(n))
	d.report(Event{Kind: EventDropped, Reason: reason, Count: n, Err: why})
}

// book enters what became of held records of b, which have the given size.
func (d *delivery) book(b *batch, bytes int64, t journal.Tally) {
	b.passage.tally.Add(t)
	l := &d.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held -= t.Appended()
	l.heldBytes -= bytes
	l.tally.Add(t)
}

// unblock tells the journal whether appends are to wait for this sink: not
// while it is open, parked or gone, when waiting would not help.
func (d *delivery) unblock() {
	if d.config.OnFull != Block || d.cursor == nil {
		return
	}
	healthy := !d.gone && !d.parked && d.breaker.State() == breaker.Closed
	if healthy != d.blocking {
		d.blocking = healthy
		d.cursor.SetBlocking(healthy)
	}
}

// acknowledge works out how far everything is settled and tells the journal,
// and then those who wait for it: what a fallback has settled is kept before the
// sink that diverted it can book that.
func (d *delivery) acknowledge() {
	d.passLosses()
	d.keep()
	acked := d.settledTo
	if d.cursor == nil {
		acked = d.pipeline.journal.End() // a standby has settled all that its cursor would carry
	}
	d.acked.Store(acked)

	for i := 0; i < len(d.flushes); {
		f := d.flushes[i]
		if acked < f.target {
			i++
			continue
		}
		f.done <- d // has room for every delivery
		d.flushes = append(d.flushes[:i], d.flushes[i+1:]...)
	}
	for i := 0; i < len(d.carried); {
		v := d.carried[i]
		if acked < v.need && !d.gone {
			i++
			continue
		}
		d.carried = append(d.carried[:i], d.carried[i+1:]...)
		v.from.diverted(v)
	}
}

// forget drops the request of a Flush that no longer waits.
func (d *delivery) forget(done chan<- *delivery) {
	d.flushes = slices.DeleteFunc(d.flushes, func(f flush) bool { return f.done == done })
}

// flushTarget returns the position before which somebody waits for everything.
func (d *delivery) flushTarget() (target uint64) {
	for _, f := range d.flushes {
		target = max(target, f.target)
	}
	for _, v := range d.carried {
		target = max(target, v.need)
	}
	return target
}

// done reports whether nothing is left to do once the journal is sealed.
func (d *delivery) done() bool {
	return len(d.window) == 0 && (d.diverting == nil || d.fallback.gaveUp.Load()) && len(d.inbox) == 0 && len(d.carried) == 0 &&
		(d.cursor == nil || d.cursor.Position().Next == d.pipeline.journal.End())
}

// report tells of something that happened to this sink.
func (d *delivery) report(e Event) {
	e.Sink = d.name
	d.reporter.report(e)
}
