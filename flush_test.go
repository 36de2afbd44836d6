package fapilog

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestFlushCutsLingersShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		p := open(t, Config{Defaults: Delivery{Linger: time.Hour}}, &a, &b)
		start := time.Now()
		log(p, 0, 10)
		if err := p.Flush(limit(t, time.Minute)); err != nil || time.Since(start) != 0 {
			t.Errorf("Flush returned %v after %v", err, time.Since(start))
		}
		holds(t, "a", &a, upTo(10))
		holds(t, "b", &b, upTo(10))
		log(p, 10, 10) // these linger again
		time.Sleep(time.Hour - 1)
		if a.Len() != 10 {
			t.Errorf("%d records before the linger's end", a.Len())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		holds(t, "a", &a, upTo(20))
	})
}

func TestFlushWithNothingToDoReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		start := time.Now()
		p := open(t, Config{}, &m)
		for range 3 {
			if err := p.Flush(context.Background()); err != nil || time.Since(start) != 0 {
				t.Errorf("Flush returned %v after %v", err, time.Since(start))
			}
			log(p, 0, 1)
			if err := p.Flush(context.Background()); err != nil || time.Since(start) != 0 {
				t.Errorf("Flush returned %v after %v", err, time.Since(start))
			}
		}
	})
}

// It waits for what was appended before, and not for what comes after.
func TestFlushWaitsForWhatCameBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Then: sinktest.Slow(time.Second)}
		p := open(t, Config{Defaults: Delivery{BatchRecords: 1}}, s)
		log(p, 0, 3)
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := p.Flush(t.Context()); err != nil || time.Since(start) != 3*time.Second {
				t.Errorf("Flush returned %v after %v, want nil after 3s", err, time.Since(start))
			}
		})
		synctest.Wait()
		log(p, 3, 100)
		wg.Wait()
	})
}

func TestFlushWaitsForEverythingToBeSettled(t *testing.T) {
	tests := []struct {
		name  string
		cfg   Delivery
		steps []sinktest.Step
		took  time.Duration
	}{
		{"delivered after a backoff", Delivery{RetryBase: 2 * time.Second}, []sinktest.Step{sinktest.Fail(errDown)}, time.Second},
		{"held by an open circuit", Delivery{Breaker: once}, []sinktest.Step{sinktest.Fail(errDown)}, 30 * time.Second},
		{"skipped", Delivery{Breaker: once, OnOpen: Skip}, []sinktest.Step{sinktest.Fail(errDown)}, 0},
		{"throttled", Delivery{}, []sinktest.Step{sinktest.Verdict(sink.Throttled, 10*time.Second)}, 11 * time.Second},
		{"parked", Delivery{}, []sinktest.Step{sinktest.Verdict(sink.Park, 0)}, 63 * time.Second},
		{"rejected", Delivery{}, []sinktest.Step{sinktest.Verdict(sink.Rejected, 0)}, 0},
		{"gone", Delivery{}, []sinktest.Step{sinktest.Verdict(sink.Gone, 0)}, 0},
		{"delivered late", Delivery{}, []sinktest.Step{sinktest.Late(20*time.Second, nil)}, 20 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Steps: test.steps}
				p := open(t, Config{Defaults: test.cfg}, s)
				constant(p, 0.5)
				start := time.Now()
				log(p, 0, 10)
				if err := p.Flush(limit(t, time.Hour)); err != nil || time.Since(start) != test.took {
					t.Errorf("Flush returned %v after %v, want nil after %v", err, time.Since(start), test.took)
				}
				if k := row(t, p, "a"); k.Pending != 0 {
					t.Errorf("%+v", k)
				}
			})
		})
	}
}

func TestFlushEndsWithItsContextAndNamesTheSinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &sinktest.Script{Then: sinktest.Stuck()}
		defer stuck.Release()
		var healthy sinktest.Memory
		p := open(t, Config{}, &healthy, stuck, failing(1000))
		log(p, 0, 10)
		start := time.Now()
		err := p.Flush(limit(t, 15*time.Second))
		if time.Since(start) != 15*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush returned %v after %v", err, time.Since(start))
		}
		left, ok := errors.AsType[*UndeliveredError](err)
		if !ok || len(left.Sinks) != 2 || left.Sinks[0].Name != "b" || left.Sinks[0].Pending != 10 || left.Sinks[1].Name != "c" || left.Sinks[1].LastError != errDown.Error() {
			t.Errorf("%+v", err)
		}
		holds(t, "a", &healthy, upTo(10))
	})
}

func TestFlushAfterClose(t *testing.T) {
	for _, step := range []sinktest.Step{sinktest.OK(), sinktest.Stuck()} {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Then: step}
			defer s.Release()
			p := open(t, Config{}, s)
			log(p, 0, 10)
			left := p.Close(limit(t, time.Second)) != nil
			start := time.Now()
			err := p.Flush(limit(t, time.Minute))
			if left != errors.Is(err, ErrClosed) || !left && err != nil || time.Since(start) != 0 {
				t.Errorf("Flush returned %v after %v; records left: %t", err, time.Since(start), left)
			}
			namesWhatIsLeft(t, p, err)
		})
	}
}

func TestFlushDuringClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Then: sinktest.Stuck()}
		defer s.Release()
		p := open(t, Config{}, s)
		log(p, 0, 10)
		synctest.Wait()
		done := make(chan error, 2)
		go func() { done <- p.Flush(context.Background()) }()
		go func() { done <- p.Close(limit(t, time.Second)) }()
		for range 2 {
			if err := <-done; err == nil {
				t.Error("no error with records left")
			}
		}
	})
}

// Many short Flushes beside a sink that is down leave nothing behind.
func TestFlushLeavesNothingBehindWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failing(1 << 20)
		p := open(t, Config{}, s)
		log(p, 0, 10)
		for range 100 {
			_ = p.Flush(limit(t, time.Second))
		}
		_ = p.Close(limit(t, 0))
		<-p.closed
		if n := len(p.deliveries[0].flushes) + len(p.deliveries[0].posted); n > 10 {
			t.Errorf("%d of 100 are still waited for", n)
		}
	})
}
