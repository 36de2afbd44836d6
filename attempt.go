package fapilog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
)

// maxRetryAfter caps what a destination can ask for with Retry-After.
const maxRetryAfter = 5 * time.Minute

// stopGrace is how long a Write may take to return once its context has ended,
// before an attempt in its place fails, or the pipeline closes without it.
const stopGrace = 50 * time.Millisecond

// attempt is one call of Write, or of Ping.
type attempt struct {
	batch     *batch        // nil: a Ping
	piece     []sink.Record // the first piece of batch
	permit    breaker.Permit
	bypass    bool // made without a permit, closing
	holds     int  // the delivery's when it began
	cancel    context.CancelFunc
	began     time.Time
	deadline  time.Time
	abandoned bool // Write has outlived its deadline; its result comes late or never
}

// begin makes the next attempt for b if one may be made at now. It reports
// whether b got any further.
func (d *delivery) begin(b *batch, now time.Time) bool {
	if d.parked && b != d.window[0] {
		return false
	}
	if until := later(d.notBefore, b.notBefore); now.Before(until) {
		switch {
		case d.breaker.State() == breaker.Open && d.onOpen() != Hold:
			return d.keepOff(b, now) // which sends the destination nothing
		case d.closing && until.After(d.closeBy):
			d.giveUp()
			return true
		}
		d.at(until)
		return false
	}
	if d.running >= d.config.InFlight && d.live() > 0 && b.attempt == nil {
		return false // a result frees a slot and wakes us
	}
	if d.serial && !d.turn {
		if d.live() == 0 { // else the call under way has to end first, and wakes us
			d.at(now)
		}
		return false
	}
	stuck := d.running >= d.config.InFlight || b.attempt != nil
	if returning := d.abandonedAt.Add(stopGrace); stuck && now.Before(returning) {
		d.at(returning) // a Write that heeds its context is about to return
		return false
	}
	now = time.Now() // the filter, or a quarantine's disk, may have taken time since step began
	if d.closing && !now.Before(d.closeBy) {
		return false // it would have no time; stop is about to come
	}
	permit, ok := d.allow(now)
	bypass := !ok && d.closing && d.onOpen() == Hold && d.live() == 0
	if !ok && !bypass {
		return d.keepOff(b, now)
	}
	if b.tried.IsZero() {
		b.tried = now
	}
	d.turn = false
	a := &attempt{batch: b, piece: b.pieces[0], permit: permit, bypass: bypass, holds: d.holds}
	if stuck {
		// Every slot is taken by a Write that was abandoned and has not
		// returned: no batch is ever in two Writes. The destination was not asked.
		d.abandonedAt = now // the next one is not made at once
		d.conclude(a, errStuck, now)
		return true
	}
	b.attempt = a
	d.start(a, now)
	return true
}

// allow asks the breaker for a permit and tells of the transition that may
// bring.
func (d *delivery) allow(now time.Time) (breaker.Permit, bool) {
	permit, transition, ok := d.breaker.Allow(now)
	d.reportTransition(transition)
	return permit, ok
}

// keepOff does what on-open asks for with a batch that gets no permit.
func (d *delivery) keepOff(b *batch, now time.Time) bool {
	retryAt := d.breaker.RetryAt()
	if retryAt.IsZero() { // half-open: the trial under way decides
		return false
	}
	switch d.onOpen() {
	case Skip:
		d.drop(b, DroppedCircuitOpen, "the circuit is open")
		return true
	case Fallback:
		return d.divert(b, later(retryAt, later(d.notBefore, b.notBefore)))
	}
	d.at(retryAt)
	return false
}

// onOpen returns what to do while the circuit is open. A fallback that has ended
// is none: then the records are held.
func (d *delivery) onOpen() OnOpen {
	if d.config.OnOpen == Fallback && d.fallback.hasGone() {
		return Hold
	}
	return d.config.OnOpen
}

// hasGone reports whether the sink has ended. Safe for concurrent use.
func (d *delivery) hasGone() bool {
	d.ledger.mu.Lock()
	defer d.ledger.mu.Unlock()
	return d.ledger.gone
}

// tryPing has the sink's Ping decide over an open circuit when there are no
// records to try.
func (d *delivery) tryPing(now time.Time) {
	pinger, ok := d.sink.(sink.Pinger)
	retryAt := later(d.breaker.RetryAt(), d.notBefore)
	if !ok || d.ping != nil || d.closing || d.gone || d.serial && !d.turn || d.running >= d.config.InFlight || d.breaker.State() == breaker.Closed {
		return
	}
	if now.Before(retryAt) {
		d.at(retryAt)
		return
	}
	permit, ok := d.allow(now)
	if !ok {
		return
	}
	d.turn = false
	d.ping = &attempt{permit: permit}
	d.startCall(d.ping, now, func(ctx context.Context) error { return pinger.Ping(ctx) })
}

// abandonPing gives up waiting for a Ping at its deadline.
func (d *delivery) abandonPing(now time.Time) {
	switch a := d.ping; {
	case a == nil:
	case now.Before(a.deadline):
		d.at(a.deadline)
	default:
		d.leaveBehind(a, now)
		d.ping = nil
		d.noteError(errNoAnswer(a.deadline.Sub(a.began)))
		d.give(a, breaker.Failure, now)
	}
}

// start calls Write with a copy of a's piece: what a sink does to its slice, it does to
// itself. The copy is used again when the batch is, which is after Write has returned.
func (d *delivery) start(a *attempt, now time.Time) {
	given := append(a.batch.given[:0], a.piece...)
	a.batch.given = given
	d.startCall(a, now, func(ctx context.Context) error { return d.sink.Write(ctx, given) })
}

// startCall runs call on a goroutine of its own, which reads its error and ends with
// posting the result. Panics are contained there, and runtime.Goexit.
func (d *delivery) startCall(a *attempt, now time.Time, call func(context.Context) error) {
	a.began, a.deadline = now, now.Add(d.config.Timeout)
	if d.closing && d.closeBy.Before(a.deadline) {
		a.deadline = d.closeBy
	}
	var ctx context.Context
	ctx, a.cancel = context.WithDeadline(d.pipeline.insideContext(), a.deadline)
	d.running++
	d.at(a.deadline)
	go func() {
		err := errors.New("the sink ended its goroutine")
		defer func() {
			a.cancel()
			d.post(func(now time.Time) { d.returned(a, err, now) })
		}()
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v) // its method may end the goroutine in its turn
				d.reportPanic("sink", v)
			}
		}()
		err = answerOf(call(ctx))
	}()
}

// returned takes the result of a call.
func (d *delivery) returned(a *attempt, err error, now time.Time) {
	d.running--
	b := a.batch
	if a.abandoned {
		d.abandoned--
		if b == nil {
			return
		}
		b.attempt = nil
		if len(b.pieces) > 0 && d.diverting != b {
			d.acceptLate(a, err, now)
		}
		return
	}
	if b == nil {
		d.ping = nil
		outcome := breaker.Success
		if err != nil {
			outcome = breaker.Failure
			d.noteError(err)
		}
		d.give(a, outcome, now)
		return
	}
	b.attempt = nil
	d.conclude(a, err, now)
}

// acceptLate books what an abandoned Write has delivered after all. Its batch has
// been kept; the breaker has had its failure already and does not hear of it.
func (d *delivery) acceptLate(a *attempt, err error, now time.Time) {
	b := a.batch
	e := judgement(err)
	switch {
	case err == nil:
		d.deliver(b, uint64(len(a.piece)), size(a.piece), now)
		b.pieces = b.pieces[1:]
	case e != nil && len(e.Items) > 0 && sane(e, len(a.piece)):
		if left, _ := d.judge(a, e, now); left == len(a.piece) {
			return
		}
	default:
		return
	}
	b.failures, b.notBefore = 0, time.Time{}
}

// abandon gives up waiting for b's Write at its deadline: a failed attempt. The
// slot stays taken until it returns.
func (d *delivery) abandon(b *batch, now time.Time) {
	a := b.attempt
	d.leaveBehind(a, now)
	d.conclude(a, errNoAnswer(a.deadline.Sub(a.began)), now)
}

// leaveBehind no longer waits for a call, which keeps its slot.
func (d *delivery) leaveBehind(a *attempt, now time.Time) {
	a.abandoned = true
	a.cancel()
	d.abandoned++
	d.abandonedAt = now
}

// conclude books a's result and decides what becomes of its piece, which is
// still the first of its batch.
func (d *delivery) conclude(a *attempt, err error, now time.Time) {
	e := judgement(err)
	if d.stopping && err != nil && e == nil {
		d.stoppedShort(a, err, now)
		return
	}
	if postpones(e, len(a.piece)) {
		d.countAttempt(a, nil, now) // it did all that it set out to do
		d.partial(a, e, now)
		return
	}
	d.countAttempt(a, err, now)
	b := a.batch
	if err == nil {
		d.deliver(b, uint64(len(a.piece)), size(a.piece), now)
		b.pieces = b.pieces[1:]
		d.succeeded(a, now)
		return
	}
	text := d.noteError(err)
	if e == nil || !sane(e, len(a.piece)) {
		d.retry(a, 0, text, breaker.Failure, now)
		return
	}
	if len(e.Items) > 0 {
		d.partial(a, e, now)
		return
	}
	switch e.Verdict {
	case sink.Throttled:
		d.retry(a, e.After, text, breaker.Neutral, now)
	case sink.TooLarge:
		d.split(a, text, now)
	case sink.Rejected:
		d.bisect(a, text, now)
	case sink.Park:
		d.park(a, text, now)
	case sink.Gone:
		d.end(a, text, now)
	default:
		d.retry(a, e.After, text, breaker.Failure, now)
	}
}

// errNoAnswer is the error of a call that was abandoned at its deadline.
func errNoAnswer(timeout time.Duration) error {
	return fmt.Errorf("no answer within %v: %w", timeout, context.DeadlineExceeded)
}

// judgement returns what err says more than "try again", or nil. The methods
// that errors.As calls may be the user's and panic.
func judgement(err error) (e *sink.Error) {
	defer func() {
		if recover() != nil {
			e = nil
		}
	}()
	e, _ = errors.AsType[*sink.Error](err) // a nil *sink.Error says nothing either
	return e
}
