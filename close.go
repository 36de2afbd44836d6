package fapilog

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/fapilog/fapilog/breaker"
)

// closer is how the deliveries tell Close that something changed.
type closer struct {
	changed chan struct{} // capacity 1: look at the deliveries again
}

func (c *closer) poke() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Close ends the pipeline. It refuses new records (they are counted), waits for
// the appends under way, and delivers what is in the journal: lingers
// and backoffs are cut short, and a sink that is parked, or whose open circuit
// holds its records, gets one more attempt, past its breaker; with on-open=skip
// and fallback they are skipped and diverted as before. It returns as soon as every
// sink has everything or has given up, at the latest 100 ms after ctx's
// deadline, or Config.Grace from now where ctx has none, or is nil. Then it closes the
// sinks and the journal. A durable journal keeps what is left for the next
// process that opens its directory.
//
// The error is nil or an [*UndeliveredError]. Close may be called more than
// once and concurrently: later calls wait for the first and return what it
// returned. It must not be called from inside a sink.
func (p *Pipeline) Close(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if p.inside(ctx) {
		return ErrReentrant
	}
	if p.closing.CompareAndSwap(false, true) {
		p.shutdown(ctx)
		close(p.closed)
		return p.closeErr
	}
	select {
	case <-p.closed:
		return p.closeErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Exit closes the pipeline, for at most Config.Grace, and ends the process with
// code. Records that are left are lost with a journal in memory; a durable one
// keeps them for the next process.
func (p *Pipeline) Exit(code int) {
	_ = p.Close(context.Background()) // diagnostics have told of it
	os.Exit(code)
}

// Flush waits until every sink has settled every record appended before the
// call: delivered, diverted, filtered, quarantined or dropped. Lingers are cut
// short; backoffs and open circuits are not, so bound ctx. When ctx ends first,
// or the pipeline was closed with records left, the error is an
// [*UndeliveredError]. A nil ctx has no end.
func (p *Pipeline) Flush(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background()
	}
	if p.inside(ctx) {
		return ErrReentrant
	}
	select {
	case <-p.closed:
		return p.undelivered(ErrClosed)
	default:
	}
	target := p.journal.End()
	done := make(chan *delivery, len(p.deliveries))
	for _, d := range p.deliveries {
		d.post(func(time.Time) { d.flushes = append(d.flushes, flush{target, done}) })
	}
	for range p.deliveries {
		select {
		case <-done:
		case <-p.closed:
			return p.undelivered(ErrClosed)
		case <-ctx.Done():
			for _, d := range p.deliveries {
				d.post(func(time.Time) { d.forget(done) })
			}
			return p.undelivered(ctx.Err())
		}
	}
	return nil
}

// undelivered names the sinks that have records left, or returns nil if there
// are none.
func (p *Pipeline) undelivered(why error) error {
	var left []Undelivered
	for _, s := range p.Stats().Sinks {
		if s.Pending > 0 {
			left = append(left, Undelivered{s.Name, s.Pending, s.LastError})
		}
	}
	if left == nil {
		return nil
	}
	return &UndeliveredError{left, why, p.kept()}
}

// kept returns the directory in which what is left outlives the pipeline, or
// nothing: it is still being delivered, or in memory only.
func (p *Pipeline) kept() string {
	if h := p.journal.Health(); p.closing.Load() && h.OnDisk {
		return h.Dir
	}
	return ""
}

func (p *Pipeline) shutdown(ctx context.Context) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(p.config.Grace)
	}
	await(p.journal.Seal, deadline.Add(-closeMoment)) // an append may be stuck in a write to the journal's file
	for _, d := range p.deliveries {
		d.post(func(time.Time) { d.beginClosing(deadline) })
	}
	why := p.awaitIdle(ctx, deadline)
	end := deadline
	if why != nil {
		end = time.Now()
	}
	for _, d := range p.deliveries {
		d.post(func(now time.Time) { d.stop(now, end) })
	}
	p.awaitLoops(ctx, end)
	await(p.journal.Close, end) // which keeps what is in memory, if the disk lets it
	p.closeErr = p.undelivered(why)
	p.reporter.close(stopGrace / 5)
}

// awaitIdle returns nil when no delivery has anything left to do, and the
// reason when it stopped waiting.
func (p *Pipeline) awaitIdle(ctx context.Context, deadline time.Time) error {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	for {
		idle := true
		for _, d := range p.deliveries {
			idle = idle && d.idle.Load()
		}
		if idle {
			return nil
		}
		select {
		case <-p.closer.changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return context.DeadlineExceeded
		}
	}
}

// closeMoment is how long after the deadline of Close a loop, or the journal,
// may still end.
const closeMoment = stopGrace + stopGrace/2

// await calls f and waits for it until a moment after the deadline of Close at
// most. f is the closing of the journal, whose disk may be stuck.
func await(f func(), deadline time.Time) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		f()
	}()
	last := time.NewTimer(max(time.Until(deadline)+closeMoment, stopGrace/5))
	defer last.Stop()
	select {
	case <-returned:
	case <-last.C:
	}
}

// awaitLoops waits for the loops to end: until a moment after the deadline, or
// after ctx ends. One that has not ended then is stuck in code of the user: its
// filter, or its Close.
func (p *Pipeline) awaitLoops(ctx context.Context, deadline time.Time) {
	last := time.NewTimer(time.Until(deadline) + closeMoment)
	defer last.Stop()
	ended := ctx.Done()
	for i := 0; i < len(p.loops); {
		select {
		case <-p.loops[i].done:
			i++
		case <-ended:
			ended = nil
			last.Reset(closeMoment)
		case <-last.C:
			return
		}
	}
}

// beginClosing cuts every wait short but those a destination asked for.
func (d *delivery) beginClosing(deadline time.Time) {
	d.closing, d.closeBy = true, deadline
	if !d.asked {
		d.notBefore = time.Time{}
	}
	for _, b := range d.window {
		b.notBefore = time.Time{}
	}
}

// giveUp ends the attempts while closing: what is left stays pending. Those
// whose fallback this sink is look again.
func (d *delivery) giveUp() {
	d.gaveUp.Store(true)
	for _, other := range d.pipeline.deliveries {
		if other.fallback == d {
			other.post(func(time.Time) {})
		}
	}
}

// stop cancels the attempts under way; the loop ends when they have returned,
// or a moment later without them.
func (d *delivery) stop(now, deadline time.Time) {
	d.stopping = true
	d.stopBy, d.closeBy = now.Add(stopGrace), deadline
	for _, a := range d.attempts() {
		a.cancel()
	}
}

// attempts returns the calls under way that have not been abandoned.
func (d *delivery) attempts() (live []*attempt) {
	for _, b := range d.window {
		if b.attempt != nil && !b.attempt.abandoned {
			live = append(live, b.attempt)
		}
	}
	if d.ping != nil {
		live = append(live, d.ping)
	}
	return live
}

// stopAttempts is what is left of step when the delivery is to stop.
func (d *delivery) stopAttempts(now time.Time) {
	if d.live() > 0 && now.Before(d.stopBy) {
		d.at(d.stopBy)
		return
	}
	for _, a := range d.attempts() {
		d.leaveBehind(a, now)
		if a.batch != nil { // a Ping is no attempt
			d.countFailure(a, errNoAnswer(now.Sub(a.began)), now)
		}
	}
	d.retire()
	d.acknowledge()
	d.stopped = true
}

// closeSink closes the sink, and waits for that until a moment after the
// deadline of Close at most.
func (d *delivery) closeSink() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		defer func() {
			if v := recover(); v != nil {
				d.reportPanic("sink", v)
			}
		}()
		if err := d.sink.Close(); err != nil {
			d.report(Event{Kind: EventFailed, Err: d.clean(fmt.Errorf("close: %w", err))})
		}
	}()
	timer := time.NewTimer(time.Until(d.closeBy) + stopGrace)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// countFailure books a call that ended without an answer because the pipeline
// stops. The breaker does not hear of it.
func (d *delivery) countFailure(a *attempt, err error, now time.Time) {
	d.noteError(err)
	d.countAttempt(a, err, now)
}

// stoppedShort gives back the permit of an attempt that the pipeline's end cut
// short.
func (d *delivery) stoppedShort(a *attempt, err error, now time.Time) {
	d.countFailure(a, err, now)
	d.give(a, breaker.Neutral, now)
}
