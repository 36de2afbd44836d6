package fapilog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// fault is how a sink answers one attempt.
type fault int

const (
	worksAtOnce  fault = iota
	worksSlowly        // in up to one and a half of the timeout, as long as its context lasts
	hangs              // until its context ends
	answersLate        // ignores its context, and succeeds after the deadline
	failsLate          // ignores its context, and fails after the deadline
	sticks             // until the sinks recover or Close has returned
	panics             //
	exits              // runtime.Goexit
	fails              // an error of no special kind
	wrapsFailure       // a *sink.Error inside another error
	throttles          // Throttled, with all kinds of After
	retriesAfter       // Retry, with After
	refusesSize        // TooLarge
	refusesBatch       // Rejected as a whole
	judgesItems        // mixed verdicts on single records
	talksRubbish       // Items with an index that is not in the batch
	parks              //
	ends               // Gone
	errorPanics        // an error whose Error method panics
	errorExits         // an error whose Error method calls runtime.Goexit
	unwrapPanics       // an error whose Unwrap method panics
	nilError           // a nil *sink.Error that is not a nil error
	faults
)

var faultNames = [faults]string{
	"works at once", "works slowly", "hangs", "answers late", "fails late", "sticks", "panics", "exits", "fails", "wraps a failure",
	"throttles", "retries after", "refuses the size", "refuses the batch", "judges items", "talks rubbish", "parks", "ends",
	"its error panics", "its error exits", "its unwrap panics", "a nil *sink.Error",
}

func (f fault) String() string { return faultNames[f] }

// mix is what is drawn from while a phase lasts.
type mix []fault

func (m mix) draw(r *rand.Rand) fault { return m[r.IntN(len(m))] }

// mixOf draws a mix: of a healthy destination, of one with one complaint, or of
// one with many.
func mixOf(r *rand.Rand) mix {
	switch n := r.IntN(10); {
	case n < 2:
		return mix{worksAtOnce, worksAtOnce, worksSlowly}
	case n < 3: // down
		return mix{fails}
	case n < 7: // up to three complaints
		m := mix{worksAtOnce, worksAtOnce, worksAtOnce, worksSlowly}
		for range 1 + r.IntN(3) {
			f := drawFault(r)
			m = append(m, f, f)
		}
		return m
	}
	m := mix{worksAtOnce, worksSlowly}
	for range 8 {
		m = append(m, drawFault(r))
	}
	return m
}

// drawFault draws one fault; the end of the sink is rare.
func drawFault(r *rand.Rand) fault {
	f := fault(r.IntN(int(faults)))
	if f == ends && !chance(r, 15) {
		return fails
	}
	return f
}

// perform answers w as its fault says.
func (s *faultySink) perform(ctx context.Context, w *write, batch []sink.Record) error {
	switch w.fault {
	case worksAtOnce:
		return nil
	case worksSlowly:
		return wait(ctx, s.between(1, s.plan.delivery.Timeout*3/2))
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case answersLate, failsLate:
		time.Sleep(time.Until(w.deadline) + s.between(1, 2*s.plan.delivery.Timeout))
		if w.fault == failsLate {
			return errors.New("late failure")
		}
		return nil
	case sticks:
		<-s.schedule.released
		if s.between(0, 1) == 0 {
			return errors.New("stuck")
		}
		return nil
	case panics:
		panic("write")
	case exits:
		runtime.Goexit()
	}
	if err := wait(ctx, s.between(0, s.plan.delivery.Timeout/4)); err != nil {
		return err
	}
	return s.refusal(w.fault, len(batch))
}

// refusal returns the error of a fault that is an answer.
func (s *faultySink) refusal(f fault, n int) error {
	switch f {
	case wrapsFailure:
		return fmt.Errorf("outer: %w", &sink.Error{Err: errors.New("inner"), Verdict: sink.Retry})
	case throttles:
		return &sink.Error{Verdict: sink.Throttled, After: s.after()}
	case retriesAfter:
		return &sink.Error{Err: errors.New("later"), After: s.after()}
	case refusesSize:
		return &sink.Error{Err: errors.New("413"), Verdict: sink.TooLarge}
	case refusesBatch:
		return &sink.Error{Err: errors.New("400"), Verdict: sink.Rejected}
	case judgesItems:
		return s.judgement(n)
	case talksRubbish:
		return &sink.Error{Items: []sink.ItemError{{Index: 0}, {Index: int(s.between(-3, -1))}, {Index: n}}}
	case parks:
		return &sink.Error{Err: errors.New("401"), Verdict: sink.Park}
	case ends:
		return &sink.Error{Err: errors.New("closed pipe"), Verdict: sink.Gone}
	case errorPanics:
		return panickingError{}
	case errorExits:
		return exitingError{}
	case unwrapPanics:
		return panickingUnwrap{}
	case nilError:
		var e *sink.Error
		return e
	}
	return errors.New("connection refused")
}

// after draws what is asked for with Retry-After.
func (s *faultySink) after() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pick(s.random, 0, -time.Hour, time.Millisecond, between(s.random, 1, 3*time.Second), between(s.random, time.Second, time.Minute), 1<<62)
}

// judgement draws verdicts on some records of a batch of n.
func (s *faultySink) judgement(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	verdicts := []sink.Verdict{sink.Retry, sink.Throttled, sink.TooLarge, sink.Rejected, sink.Rejected}
	if chance(s.random, 20) {
		verdicts = []sink.Verdict{sink.Postponed, sink.Postponed, sink.Rejected}
	}
	if chance(s.random, 10) {
		verdicts = append(verdicts, sink.Park, sink.Gone, 99)
	}
	e := &sink.Error{Err: errors.New("207")}
	if chance(s.random, 20) {
		e.After = between(s.random, 1, 3*time.Second)
	}
	for i := range n {
		if chance(s.random, 30) || i == n-1 && len(e.Items) == 0 {
			e.Items = append(e.Items, sink.ItemError{Index: i, Verdict: pick(s.random, verdicts...), Err: pick(s.random, nil, error(panickingError{}), errors.New("bad"))})
		}
	}
	s.random.Shuffle(len(e.Items), func(i, k int) { e.Items[i], e.Items[k] = e.Items[k], e.Items[i] })
	return e
}

func (s *faultySink) between(least, most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return between(s.random, least, most)
}

// wait returns after d, or with ctx's error as soon as that ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type panickingError struct{}

func (panickingError) Error() string { panic("no text") }

type exitingError struct{}

func (exitingError) Error() string { runtime.Goexit(); return "" }

type panickingUnwrap struct{}

func (panickingUnwrap) Error() string { return "unwrap panics" }
func (panickingUnwrap) Unwrap() error { panic("no cause") }
