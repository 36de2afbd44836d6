package sinktest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

var errDown = errors.New("connection refused")

// attempt writes two records with a deadline of 10 s and returns what came of
// it: the error, a panic's value, and how long it took.
//
//lint:ignore ST1008 the error is what the callers look at first
func attempt(s sink.Sink) (err error, panicked any, took time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		err = s.Write(ctx, batch(1, 2))
	}()
	<-done
	return err, panicked, time.Since(start)
}

func TestEveryStep(t *testing.T) {
	partial := sink.ItemError{Index: 0, Verdict: sink.Rejected, Err: errDown}
	for _, test := range []struct {
		name      string
		step      Step
		err       string
		panicked  any
		abnormal  bool
		took      time.Duration
		delivered int
	}{
		{name: "the zero Step delivers", delivered: 2},
		{name: "OK delivers", step: OK(), delivered: 2},
		{name: "Fail delivers nothing", step: Fail(errDown), err: "connection refused"},
		{name: "Verdict delivers nothing", step: Verdict(sink.Throttled, time.Minute), err: "scripted throttled"},
		{name: "Items delivers the others", step: Items(partial), err: "connection refused", delivered: 1},
		{name: "Slow delivers in time", step: Slow(9 * time.Second), took: 9 * time.Second, delivered: 2},
		{name: "Slow gives up at the deadline", step: Slow(time.Hour), err: "context deadline exceeded", took: 10 * time.Second},
		{name: "Late delivers after the deadline", step: Late(time.Hour, nil), took: time.Hour, delivered: 2},
		{name: "Late fails after the deadline", step: Late(time.Hour, errDown), err: "connection refused", took: time.Hour},
		{name: "Hang ends at the deadline", step: Hang(), err: "context deadline exceeded", took: 10 * time.Second},
		{name: "Panic panics", step: Panic("boom"), panicked: "boom", abnormal: true},
		{name: "Goexit ends the goroutine", step: Goexit(), abnormal: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Script{Steps: []Step{test.step}, Then: Fail(errors.New("there was one step"))}
				start := time.Now()
				err, panicked, took := attempt(s)
				if text(err) != test.err || panicked != test.panicked || took != test.took {
					t.Errorf("error %v, panic %v after %v; want %q, %v after %v", err, panicked, took, test.err, test.panicked, test.took)
				}
				a := s.Attempts()
				if len(a) != 1 {
					t.Fatalf("%d attempts, want 1", len(a))
				}
				if !a[0].Start.Equal(start) || !a[0].End.Equal(start.Add(test.took)) || text(a[0].Err) != test.err || a[0].Panicked != test.abnormal || a[0].Changed {
					t.Errorf("the attempt is %+v", a[0])
				}
				if len(a[0].Records) != 2 || len(a[0].Delivered) != test.delivered || s.Len() != test.delivered {
					t.Errorf("%d of %d delivered, %d kept, want %d of 2", len(a[0].Delivered), len(a[0].Records), s.Len(), test.delivered)
				}
				if test.delivered == 1 && (s.Records()[0].ID.Seq != 2 || a[0].Delivered[0].Seq != 2) {
					t.Error("the record that was named is delivered")
				}
			})
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestVerdictCarriesItsDelay(t *testing.T) {
	err, _, _ := attempt(&Script{Then: Verdict(sink.Park, time.Minute)})
	var e *sink.Error
	if !errors.As(err, &e) || e.Verdict != sink.Park || e.After != time.Minute {
		t.Errorf("the error is %#v", err)
	}
}

func TestStepsComeInOrderAndThenThenForEver(t *testing.T) {
	s := &Script{Steps: []Step{Fail(errDown), OK()}, Then: Fail(errors.New("then"))}
	for i, want := range []string{"connection refused", "", "then", "then"} {
		if err, _, _ := attempt(s); text(err) != want {
			t.Errorf("attempt %d: %v, want %q", i+1, err, want)
		}
	}
}

func TestAnswerDependsOnTheBatch(t *testing.T) {
	var numbers []int
	s := &Script{
		Steps: []Step{Panic("not asked")},
		Answer: func(attempt int, records []sink.Record) Step {
			numbers = append(numbers, attempt)
			if records[0].ID.Seq == 13 {
				return Verdict(sink.Rejected, 0)
			}
			return OK()
		},
	}
	write(t, s, batch(1, 2))
	if err := s.Write(t.Context(), batch(13, 1)); err == nil {
		t.Error("the poisoned batch is delivered")
	}
	if s.Len() != 2 || len(numbers) != 2 || numbers[0] != 1 || numbers[1] != 2 {
		t.Errorf("%d records after attempts %v", s.Len(), numbers)
	}
}

func TestStuckLooksAtNothingButRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Script{Then: Stuck()}
		var err error
		go func() { err, _, _ = attempt(s) }()
		time.Sleep(time.Hour)
		if a := s.Attempts(); len(a) != 1 || !a[0].End.IsZero() || a[0].Panicked {
			t.Errorf("an hour later the attempts are %+v", a)
		}
		s.Release()
		s.Release()
		synctest.Wait()
		if a := s.Attempts(); err == nil || a[0].End.IsZero() || s.Len() != 0 {
			t.Errorf("once released the error is %v and the attempts are %+v", err, a)
		}
		if err, _, took := attempt(s); err == nil || took != 0 {
			t.Errorf("a later attempt hangs %v and returns %v", took, err)
		}
	})
}

func TestReleaseMayComeFirst(t *testing.T) {
	s := &Script{Then: Stuck()}
	s.Release()
	if err, _, _ := attempt(s); err == nil {
		t.Error("it delivered")
	}
}

func TestBatchThatChangesUnderAWriteIsNoticed(t *testing.T) {
	s := &Script{Answer: func(_ int, records []sink.Record) Step {
		records[1].JSON[0] = '!'
		return OK()
	}}
	write(t, s, batch(1, 2))
	if a := s.Attempts(); !a[0].Changed || a[0].Records[1].JSON[0] != '{' {
		t.Errorf("the attempt is %+v", a[0])
	}
}

func TestPingsAreScriptedToo(t *testing.T) {
	p := &Pinging{Script: Script{Then: Fail(errDown)}, Pings: Script{Steps: []Step{Fail(errDown)}}}
	first, second := p.Ping(t.Context()), p.Ping(t.Context())
	if !errors.Is(first, errDown) || second != nil {
		t.Errorf("the pings return %v and %v", first, second)
	}
	if len(p.Pings.Attempts()) != 2 || len(p.Attempts()) != 0 {
		t.Errorf("%d pings and %d attempts, want 2 and 0", len(p.Pings.Attempts()), len(p.Attempts()))
	}
	if _, ok := any(&p.Script).(sink.Pinger); ok {
		t.Error("every Script answers pings")
	}
}

func TestScriptMayBeUsedByManyAtOnce(t *testing.T) {
	s := &Script{Steps: []Step{Fail(errDown), Fail(errDown), Fail(errDown)}}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_ = s.Write(t.Context(), batch(i, 1))
			s.Attempts()
		})
	}
	wg.Wait()
	if s.Len() != 17 || len(s.Attempts()) != 20 {
		t.Errorf("%d of %d delivered, want 17 of 20", s.Len(), len(s.Attempts()))
	}
}
