package fapilog

import (
	"slices"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// deliver books n records of b as delivered.
func (d *delivery) deliver(b *batch, n uint64, bytes int64, now time.Time) {
	d.book(b, bytes, journal.Tally{Delivered: n})
	d.setState(func(l *ledger) { l.lastSuccess = now })
}

// succeeded ends an attempt that the destination answered.
func (d *delivery) succeeded(a *attempt, now time.Time) {
	a.batch.failures, a.batch.notBefore = 0, time.Time{}
	d.resume(a)
	d.give(a, breaker.Success, now)
}

// retry leaves a's piece to be tried again: after a backoff, or for all of the
// sink's records when it says how long it wants to be left alone.
func (d *delivery) retry(a *attempt, after time.Duration, text string, outcome breaker.Outcome, now time.Time) {
	b := a.batch
	if outcome == breaker.Failure {
		n, _ := b.left()
		d.report(Event{Kind: EventFailed, Count: n, Err: text})
	}
	if d.parked && outcome == breaker.Failure && a.holds == d.holds {
		d.stayParked(now)
	} else {
		d.resume(a)
	}
	d.give(a, outcome, now)
	if a.bypass && outcome != breaker.Success {
		d.giveUp()
	}
	if after > 0 {
		after = min(after, maxRetryAfter)
		d.hold(now.Add(after+time.Duration(float64(after)/5*d.random())), asked)
		return
	}
	b.notBefore = now.Add(d.backoff(b.failures))
	b.failures++
	if outcome == breaker.Neutral { // throttled: the whole sink, not this batch alone
		d.hold(b.notBefore, guessed)
	} else if d.breaker.State() == breaker.Open {
		b.notBefore = time.Time{} // the circuit says when
	}
}

// backoff returns a random wait of up to RetryBase doubled for each failure
// before, at most RetryMax ("full jitter": AWS Architecture Blog, Exponential
// Backoff and Jitter, 2015).
func (d *delivery) backoff(failures int) time.Duration {
	ceiling := d.config.RetryMax
	if failures < 32 {
		if c := d.config.RetryBase << failures; c > 0 && c < ceiling {
			ceiling = c
		}
	}
	return time.Duration(float64(ceiling) * d.random())
}

// partial books an answer that judged the records one by one.
func (d *delivery) partial(a *attempt, e *sink.Error, now time.Time) {
	left, worst := d.judge(a, e, now)
	if left == 0 {
		d.succeeded(a, now)
		return
	}
	progress := left < len(a.piece)
	text := d.itemText(worst, e)
	switch {
	case worst.Verdict == sink.Park:
		d.park(a, text, now)
	case worst.Verdict == sink.Postponed && progress:
		d.succeeded(a, now)
	case progress: // a destination that settles some records works
		a.batch.failures = 0
		d.retry(a, e.After, text, breaker.Success, now)
	case worst.Verdict == sink.Throttled:
		d.retry(a, e.After, text, breaker.Neutral, now)
	default:
		d.retry(a, e.After, text, breaker.Failure, now)
	}
}

// judge books each record of a's piece as e says. It returns how many are left
// in it, and the worst that is said of them.
func (d *delivery) judge(a *attempt, e *sink.Error, now time.Time) (n int, worst sink.ItemError) {
	verdicts := make(map[int]sink.ItemError, len(e.Items))
	for _, item := range e.Items {
		verdicts[item.Index] = item
	}
	b := a.batch
	var left []sink.Record
	var delivered uint64
	var deliveredBytes int64
	for i, r := range a.piece {
		item, named := verdicts[i]
		switch {
		case !named:
			delivered++
			deliveredBytes += int64(len(r.JSON))
		case item.Verdict == sink.Rejected:
			b.condemn(r, DroppedRejected, d.itemText(item, e))
		case item.Verdict == sink.TooLarge:
			b.condemn(r, DroppedTooLarge, d.itemText(item, e))
		default:
			if len(left) == 0 || urgency(item.Verdict) > urgency(worst.Verdict) {
				worst = item
			}
			left = append(left, r)
		}
	}
	if delivered > 0 {
		d.deliver(b, delivered, deliveredBytes, now)
	}
	if len(left) == 0 {
		b.pieces = b.pieces[1:]
	} else {
		b.pieces[0] = left
	}
	if worst.Verdict == sink.Postponed && len(left) < len(a.piece) {
		b.tried = time.Time{} // what is left was not
	}
	return len(left), worst
}

// urgency orders the verdicts that leave a record where it is.
func urgency(v sink.Verdict) int {
	switch v {
	case sink.Park:
		return 2
	case sink.Throttled:
		return 0
	case sink.Postponed:
		return -1
	}
	return 1
}

// postpones reports whether e, about a piece of n, says no more than that some of the
// records are for the next attempt, and the others delivered.
func postpones(e *sink.Error, n int) bool {
	return e != nil && len(e.Items) > 0 && len(e.Items) < n && sane(e, n) &&
		!slices.ContainsFunc(e.Items, func(i sink.ItemError) bool { return i.Verdict != sink.Postponed })
}

// itemText returns the reason given for a record, or else that of the batch.
func (d *delivery) itemText(item sink.ItemError, e *sink.Error) string {
	switch {
	case item.Err != nil:
		return d.clean(item.Err)
	case e.Err != nil:
		return d.clean(e.Err)
	}
	return item.Verdict.String()
}

// split halves a piece that was too large for one request, and remembers the
// size, so that the batches after it are not refused as well.
func (d *delivery) split(a *attempt, text string, now time.Time) {
	b := a.batch
	if len(a.piece) == 1 {
		// This record explains the refusals of the larger pieces that held it.
		if b.split {
			d.limit = b.hadLimit
		}
		d.condemnFirst(a, DroppedTooLarge, text, now)
		return
	}
	if !b.split {
		b.split, b.hadLimit = true, d.limit
	}
	d.limit = max(1, int(size(a.piece)/2))
	b.halve()
	d.succeeded(a, now)
}

// bisect halves a piece of which some records are to blame.
func (d *delivery) bisect(a *attempt, text string, now time.Time) {
	if len(a.piece) == 1 {
		d.condemnFirst(a, DroppedRejected, text, now)
		return
	}
	a.batch.halve()
	d.succeeded(a, now)
}

// condemnFirst condemns the only record of a's piece.
func (d *delivery) condemnFirst(a *attempt, reason Reason, text string, now time.Time) {
	b := a.batch
	b.condemn(a.piece[0], reason, text)
	b.pieces = b.pieces[1:]
	d.succeeded(a, now)
}

// park keeps everything and has the sink tried now and then: it needs a change
// of configuration or credentials.
func (d *delivery) park(a *attempt, text string, now time.Time) {
	if !d.parked {
		d.parked = true
		n, _ := a.batch.left()
		d.setState(func(l *ledger) { l.parked = true })
		d.report(Event{Kind: EventParked, Count: n, Err: text})
	}
	d.stayParked(now)
	d.give(a, breaker.Neutral, now)
}

// stayParked has a parked sink tried again in a while: it has not answered, or
// as before.
func (d *delivery) stayParked(now time.Time) {
	d.hold(now.Add(parkInterval+time.Duration(float64(parkInterval)/10*d.random())), guessed)
	if d.closing {
		d.giveUp()
	}
}

// Whether the end of a hold is the destination's wish. Closing keeps to that.
const (
	guessed = false
	asked   = true
)

// hold has no attempt made before until.
func (d *delivery) hold(until time.Time, wish bool) {
	if until.After(d.notBefore) {
		d.notBefore, d.asked = until, wish
	}
	d.holds++
}

// resume ends holding and parking: the destination answered a with something
// else. The answer to an attempt that was under way when it asked for patience
// ends neither.
func (d *delivery) resume(a *attempt) {
	if a.holds == d.holds {
		d.unhold()
	}
}

func (d *delivery) unhold() {
	d.notBefore = time.Time{}
	if d.parked {
		d.parked = false
		d.setState(func(l *ledger) { l.parked = false })
		d.report(Event{Kind: EventResumed})
	}
}

// end takes the sink's word that it is gone: nothing is tried any more.
func (d *delivery) end(a *attempt, text string, now time.Time) {
	d.unhold()
	d.gone = true
	d.setState(func(l *ledger) { l.gone = true })
	d.report(Event{Kind: EventGone, Err: text})
	d.give(a, breaker.Neutral, now)
}

// countAttempt books an attempt that has ended with err, or was given up.
func (d *delivery) countAttempt(a *attempt, err error, now time.Time) {
	t := journal.Tally{Attempts: 1}
	if err != nil {
		t.Failures = 1
	}
	result, took := resultOf(err, len(a.piece)), now.Sub(a.began)
	if result == ResultStuck {
		took = -1
	}
	d.unkept.Add(t)
	d.setState(func(l *ledger) {
		l.tally.Add(t)
		l.activity.attempted(result, took)
	})
}

func (d *delivery) setState(f func(l *ledger)) {
	d.ledger.mu.Lock()
	defer d.ledger.mu.Unlock()
	f(&d.ledger)
}

// give returns a's permit with the outcome.
func (d *delivery) give(a *attempt, o breaker.Outcome, now time.Time) {
	if a.bypass {
		return
	}
	if t, changed := d.breaker.Done(a.permit, o, now); changed {
		d.reportTransition(t)
	}
}

func (d *delivery) reportTransition(t breaker.Transition) {
	if t.From == t.To {
		return
	}
	d.setState(func(l *ledger) { l.activity.transitions[Change{t.From, t.To}]++ })
	d.report(Event{Kind: EventCircuit, From: t.From, To: t.To, Count: uint64(t.Failures)})
}

// noteError keeps err as the sink's last error and returns its text without
// secrets.
func (d *delivery) noteError(err error) string {
	text := d.clean(err)
	d.setState(func(l *ledger) { l.lastError = text })
	return text
}

// sane reports whether e names only records of a piece of n.
func sane(e *sink.Error, n int) bool {
	for _, item := range e.Items {
		if item.Index < 0 || item.Index >= n {
			return false
		}
	}
	return true
}

// later returns the later of two moments.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
