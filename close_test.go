package fapilog

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// closing is a sink with a Close that can be watched and made to hang or panic.
type closing struct {
	sinktest.Script
	hang chan struct{} // nil: Close does not wait
	does func() error  // nil: Close returns nil

	mu     sync.Mutex
	closes int
	early  bool // Close came while a Write was under way
}

func (c *closing) Close() error {
	c.mu.Lock()
	c.closes++
	for _, a := range c.Attempts() {
		c.early = c.early || a.End.IsZero()
	}
	c.mu.Unlock()
	if c.hang != nil {
		<-c.hang
	}
	if c.does != nil {
		return c.does()
	}
	return nil
}

func (c *closing) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closes
}

func TestCloseReturnsByItsDeadline(t *testing.T) {
	soon := func(t *testing.T) context.Context { return limit(t, time.Second) }
	tests := []struct {
		name      string
		cfg       Config
		step      sinktest.Step
		hangClose bool
		filter    bool // hangs
		ctx       func(t *testing.T) context.Context
		most      time.Duration
		pending   bool
		early     bool // it may return earlier: the next attempt would come too late
	}{
		{name: "beside a hung sink", step: sinktest.Stuck(), ctx: soon, most: time.Second, pending: true},
		{name: "beside a hung sink, serial", cfg: Config{Serial: true}, step: sinktest.Stuck(), ctx: soon, most: time.Second, pending: true},
		{name: "beside a sink that hangs until its deadline", step: sinktest.Hang(), ctx: soon, most: time.Second, pending: true},
		{name: "beside a slow sink", step: sinktest.Slow(9 * time.Second), ctx: soon, most: time.Second, pending: true},
		{name: "beside a failing sink without a breaker", cfg: Config{Defaults: Delivery{Breaker: breaker.Config{Off: true}}}, step: sinktest.Fail(errDown), ctx: soon, most: time.Second, pending: true, early: true},
		{name: "when Close of a sink hangs", hangClose: true, ctx: soon, most: time.Second},
		{name: "when Close of a sink hangs, serial", cfg: Config{Serial: true}, hangClose: true, ctx: soon, most: time.Second},
		{name: "when Close of a hung sink hangs", step: sinktest.Stuck(), hangClose: true, ctx: soon, most: time.Second, pending: true},
		{name: "when a filter hangs", filter: true, ctx: soon, most: time.Second, pending: true},
		{name: "when a filter hangs, serial", cfg: Config{Serial: true}, filter: true, ctx: soon, most: time.Second, pending: true},
		{name: "with a cancelled context", step: sinktest.Stuck(), most: 0, pending: true, ctx: func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx
		}},
		{name: "with a cancelled context when Close of a sink hangs", hangClose: true, most: 0, ctx: func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx
		}},
		{name: "with a context that is cancelled meanwhile", step: sinktest.Stuck(), most: 300 * time.Millisecond, pending: true, ctx: cancelledAfter(300 * time.Millisecond)},
		{name: "with a context that is cancelled while Close of a sink hangs", hangClose: true, most: 300 * time.Millisecond, ctx: cancelledAfter(300 * time.Millisecond)},
		{name: "with a deadline in the past", step: sinktest.Stuck(), most: 0, pending: true, ctx: func(t *testing.T) context.Context { return limit(t, -time.Hour) }},
		{name: "without a deadline", step: sinktest.Stuck(), most: 10 * time.Second, pending: true, ctx: func(t *testing.T) context.Context { return context.Background() }},
		{name: "without a deadline, by Grace", cfg: Config{Grace: 2 * time.Second}, step: sinktest.Stuck(), most: 2 * time.Second, pending: true,
			ctx: func(t *testing.T) context.Context { return context.Background() }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				defer close(free)
				s := new(closing)
				s.Then = test.step
				if test.hangClose {
					s.hang = free
				}
				defer s.Release()
				var healthy sinktest.Memory
				route := Route{Name: "s", Sink: s, Delivery: Delivery{Linger: -1}}
				if test.filter {
					route.Filter = func(sink.Record) bool { <-free; return true }
				}
				cfg := test.cfg
				cfg.Routes = []Route{{Name: "healthy", Sink: &healthy, Delivery: Delivery{Linger: -1}}, route}
				p := open(t, cfg)
				burst(p, 0, 3)
				synctest.Wait()
				start := time.Now()
				err := p.Close(test.ctx(t))
				took := time.Since(start)
				if took > test.most+100*time.Millisecond || took < test.most && !test.early {
					t.Errorf("Close took %v, want %v and at most 100ms more", took, test.most)
				}
				if test.pending != (err != nil) {
					t.Errorf("Close returned %v", err)
				}
				namesWhatIsLeft(t, p, err)
				holds(t, "healthy", &healthy, upTo(3))
				if !healthy.Closed() && !test.cfg.Serial {
					t.Error("the healthy sink is not closed")
				}
			})
		})
	}
}

// cancelledAfter returns a function that makes a context without a deadline
// which ends after d.
func cancelledAfter(d time.Duration) func(t *testing.T) context.Context {
	return func(t *testing.T) context.Context {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(d, cancel)
		return ctx
	}
}

func TestCloseReturnsAsSoonAsEverythingIsSettled(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Delivery
		steps []sinktest.Step
		wait  time.Duration // before Close
		took  time.Duration
		tries int // Writes after Close has begun
		left  bool
	}{
		{name: "a linger is cut short", cfg: Delivery{Linger: time.Hour}, tries: 1},
		{name: "a Write under way is waited for", steps: []sinktest.Step{sinktest.Slow(3 * time.Second)}, wait: time.Second, took: 2 * time.Second},
		{name: "a backoff is cut short", cfg: Delivery{RetryBase: time.Hour, RetryMax: time.Hour}, steps: []sinktest.Step{sinktest.Fail(errDown)}, wait: time.Second, tries: 1},
		{name: "a throttled sink's backoff is cut short", cfg: Delivery{RetryBase: time.Hour, RetryMax: time.Hour}, steps: []sinktest.Step{sinktest.Verdict(sink.Throttled, 0)}, wait: time.Second, tries: 1},
		{name: "what a destination asked for is waited for", steps: []sinktest.Step{sinktest.Verdict(sink.Throttled, 20*time.Second)}, wait: 5 * time.Second, took: 15 * time.Second, tries: 1},
		{name: "unless that is too long", steps: []sinktest.Step{sinktest.Verdict(sink.Throttled, 2*time.Minute)}, wait: time.Second, left: true},
		{name: "an open circuit gets one more attempt", cfg: Delivery{Breaker: once}, steps: []sinktest.Step{sinktest.Fail(errDown)}, wait: time.Second, tries: 1},
		{name: "and no other if that fails", cfg: Delivery{Breaker: once}, steps: []sinktest.Step{sinktest.Fail(errDown), sinktest.Fail(errDown)}, wait: time.Second, tries: 1, left: true},
		{name: "whatever is in flight", cfg: Delivery{Breaker: once, InFlight: 5, BatchRecords: 2, Linger: time.Millisecond}, steps: slices.Repeat([]sinktest.Step{sinktest.Late(time.Millisecond, errDown)}, 20), wait: time.Second, took: time.Millisecond, tries: 1, left: true},
		{name: "nor if that is throttled", cfg: Delivery{Breaker: once}, steps: []sinktest.Step{sinktest.Fail(errDown), sinktest.Verdict(sink.Throttled, 0)}, wait: time.Second, tries: 1, left: true},
		{name: "a parked sink gets one more attempt", steps: []sinktest.Step{sinktest.Verdict(sink.Park, 0)}, wait: time.Second, tries: 1},
		{name: "and no other if it stays parked", steps: []sinktest.Step{sinktest.Verdict(sink.Park, 0), sinktest.Verdict(sink.Park, 0)}, wait: time.Second, tries: 1, left: true},
		{name: "nor if it does not answer", steps: []sinktest.Step{sinktest.Verdict(sink.Park, 0), sinktest.Fail(errDown)}, wait: time.Second, tries: 1, left: true},
		{name: "a sink that is gone is not waited for", steps: []sinktest.Step{sinktest.Verdict(sink.Gone, 0)}, wait: time.Second},
		{name: "an open circuit that skips gets none", cfg: Delivery{Breaker: once, OnOpen: Skip}, steps: []sinktest.Step{sinktest.Fail(errDown)}, wait: time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(closing)
				s.Steps = test.steps
				p := open(t, Config{Defaults: test.cfg}, s)
				constant(p, 0)
				if test.cfg.RetryBase > 0 {
					constant(p, 0.5)
				}
				burst(p, 0, 10)
				if test.wait > 0 {
					time.Sleep(5 * time.Millisecond) // the linger
					time.Sleep(test.wait)
				}
				before := len(s.Attempts())
				start := time.Now()
				err := p.Close(limit(t, time.Minute))
				if took := time.Since(start); took != test.took {
					t.Errorf("Close took %v, want %v", took, test.took)
				}
				if n := len(s.Attempts()) - before; n != test.tries {
					t.Errorf("%d attempts, want %d", n, test.tries)
				}
				if test.left != (err != nil) || test.left && !strings.Contains(err.Error(), "a has 10 records left (") {
					t.Errorf("Close returned %v", err)
				}
				namesWhatIsLeft(t, p, err)
				if k := row(t, p, "a"); !test.left && k.Pending != 0 || test.left && k.Pending != 10 {
					t.Errorf("%+v", k)
				}
				if s.count() != 1 || s.early {
					t.Errorf("the sink was closed %d times; during a Write: %t", s.count(), s.early)
				}
			})
		})
	}
}

// With an open circuit that is past its breaker, everything is delivered as long
// as it goes well.
func TestCloseDrainsPastAnOpenCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failing(1)
		p := open(t, Config{Defaults: Delivery{Breaker: once, BatchRecords: 10, InFlight: 3}}, s)
		burst(p, 0, 10)
		synctest.Wait()
		burst(p, 10, 90)
		delivers(t, p)
		if k := row(t, p, "a"); k.Delivered != 100 || s.Len() != 100 {
			t.Errorf("%+v", k)
		}
	})
}

// One batch cannot be delivered in time, another is on its way.
func TestCloseWaitsForTheOtherWritesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Slow(2 * time.Second), sinktest.Verdict(sink.Throttled, time.Minute)}}
		p := open(t, Config{Defaults: Delivery{InFlight: 2, BatchRecords: 10}}, s)
		burst(p, 0, 20)
		synctest.Wait()
		start := time.Now()
		err := p.Close(limit(t, 10*time.Second))
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("Close took %v, want 2s", took)
		}
		if k := row(t, p, "a"); k.Delivered != 10 || k.Pending != 10 {
			t.Errorf("%v: %+v", err, k)
		}
	})
}

// One collection is enough: what is closed is held by nothing, not by the memory of its
// calls either.
func TestClosedPipelineIsGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(t.Context(), Config{Diagnostics: slog.New(slog.DiscardHandler), Routes: []Route{{Sink: new(sinktest.Memory)}}})
		if err != nil {
			t.Fatal(err)
		}
		log(p, 0, 3)
		if err := p.WriteLines(t.Context(), []byte("one\ntwo\n")); err != nil {
			t.Error(err)
		}
		delivers(t, p)
		pipeline, journal := weak.Make(p), weak.Make(p.journal)
		p = nil
		time.Sleep(time.Hour) // its goroutines have ended, and the runtime has let go of its stopped timers
		synctest.Wait()
		runtime.GC()
		if pipeline.Value() != nil || journal.Value() != nil {
			t.Errorf("after a collection the pipeline is held: %t, its journal: %t", pipeline.Value() != nil, journal.Value() != nil)
		}
	})
}
