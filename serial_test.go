package fapilog

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// turns is a log of which sink was called when.
type turns struct {
	mu    sync.Mutex
	start time.Time
	begin []string
	ended map[string]time.Duration // the first Write of each sink
	now   int                      // Writes under way
	most  int
}

// sink returns a sink whose Writes take d.
func (s *turns) sink(name string, d time.Duration) sink.Sink {
	return sink.Func(func(ctx context.Context, _ []sink.Record) error {
		s.mu.Lock()
		s.begin = append(s.begin, name)
		s.now++
		s.most = max(s.most, s.now)
		s.mu.Unlock()
		time.Sleep(d)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now--
		if _, again := s.ended[name]; !again {
			s.ended[name] = time.Since(s.start)
		}
		return nil
	})
}

func TestSerialSinksTakeTurnsInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := turns{start: time.Now(), ended: make(map[string]time.Duration)}
		p := open(t, Config{Serial: true, Defaults: Delivery{BatchRecords: 10}},
			s.sink("a", 100*time.Millisecond), s.sink("b", 100*time.Millisecond), s.sink("c", 100*time.Millisecond))
		burst(p, 0, 30)
		delivers(t, p)
		if want := []string{"a", "b", "c"}; !slices.Equal(s.begin[:3], want) || len(s.begin) != 9 || s.most != 1 {
			t.Errorf("the turns were %v, at most %d at a time", s.begin, s.most)
		}
		for name, want := range map[string]time.Duration{"a": 100 * time.Millisecond, "b": 200 * time.Millisecond, "c": 300 * time.Millisecond} {
			if s.ended[name] != want {
				t.Errorf("sink %s is done after %v, want %v", name, s.ended[name], want)
			}
		}
	})
}

func TestParallelSinksDoNotTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := turns{start: time.Now(), ended: make(map[string]time.Duration)}
		p := open(t, Config{Defaults: Delivery{BatchRecords: 10}}, s.sink("a", 100*time.Millisecond), s.sink("b", 100*time.Millisecond))
		burst(p, 0, 10)
		delivers(t, p)
		if s.ended["a"] != 100*time.Millisecond || s.ended["b"] != 100*time.Millisecond || s.most != 2 {
			t.Errorf("they were done at %v, at most %d at a time", s.ended, s.most)
		}
	})
}

// A sink that heeds its context costs its timeout for each attempt, until the
// breaker opens; one that does not costs it once, since there is no second
// Write before the first has returned.
func TestSerialHungSinkDelaysOthersUntilItsBreakerOpens(t *testing.T) {
	tests := []struct {
		name  string
		fault sinktest.Step
		calls int
	}{
		{"heeds its context", sinktest.Hang(), 3},
		{"does not", sinktest.Stuck(), 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hung := &sinktest.Script{Then: test.fault}
				defer hung.Release()
				healthy := new(sinktest.Script)
				cfg := Config{Serial: true, Defaults: Delivery{Timeout: 10 * time.Second, Linger: -1}}
				cfg.Defaults.Breaker.Failures = 3
				cfg.Defaults.Breaker.Recovery = time.Hour
				p := open(t, cfg, hung, healthy)
				constant(p, 0.01) // 2 ms, then 4
				start := time.Now()
				burst(p, 0, 1)
				synctest.Wait()
				log(p, 1, 1) // while a's first attempt hangs
				time.Sleep(time.Duration(test.calls)*10*time.Second + 100*time.Millisecond)
				if n := len(hung.Attempts()); n != test.calls {
					t.Errorf("the hung sink was called %d times, want %d", n, test.calls)
				}
				if at := begun(start, healthy.Attempts()); len(at) == 0 || at[0] != 10*time.Second {
					t.Errorf("the healthy sink's turns were at %v, the first is due at 10s", at)
				}
				holds(t, "b", healthy, upTo(2))

				later := time.Now()
				before := len(healthy.Attempts())
				log(p, 2, 1)
				synctest.Wait()
				if at := begun(later, healthy.Attempts()[before:]); len(at) != 1 || at[0] != 0 {
					t.Errorf("with the circuit open the next turn comes after %v", at)
				}
			})
		})
	}
}

// Neither a linger nor a backoff may hold up the loop that all sinks share.
func TestSerialWaitsForNoLingerAndNoBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lingering, flaky, quick := new(sinktest.Script), failing(2), new(sinktest.Script)
		p := open(t, Config{Serial: true, Routes: []Route{
			{Name: "lingering", Sink: lingering, Delivery: Delivery{Linger: time.Hour}},
			{Name: "flaky", Sink: flaky, Delivery: Delivery{Linger: -1, RetryBase: time.Minute, RetryMax: time.Hour}},
			{Name: "quick", Sink: quick, Delivery: Delivery{Linger: -1}},
		}})
		constant(p, 0.5)
		start := time.Now()
		log(p, 0, 1)
		time.Sleep(2 * time.Hour)
		for name, test := range map[string]struct {
			s    *sinktest.Script
			want []time.Duration
		}{
			"lingering": {lingering, []time.Duration{time.Hour}},
			"flaky":     {flaky, []time.Duration{0, 30 * time.Second, 90 * time.Second}},
			"quick":     {quick, []time.Duration{0}},
		} {
			if at := begun(start, test.s.Attempts()); !slices.Equal(at, test.want) {
				t.Errorf("%s was tried at %v, want %v", name, at, test.want)
			}
		}
		delivers(t, p)
	})
}

func TestSerialIsolatesFaultsOtherThanHanging(t *testing.T) {
	for _, test := range sicknesses {
		t.Run("beside a sink that "+test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sick := &sinktest.Script{Then: test.fault}
				defer sick.Release()
				var healthy sinktest.Memory
				p := open(t, Config{Serial: true}, sick, &healthy)
				for i := range 100 {
					log(p, i*10, 10)
					time.Sleep(20 * time.Second)
				}
				holds(t, "healthy", &healthy, upTo(1000))
				start := time.Now()
				err := p.Close(limit(t, 3*time.Second))
				if took := time.Since(start); took > 3100*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
				namesWhatIsLeft(t, p, err)
			})
		})
	}
}

// In-flight does not make two of a sink's Writes overlap either.
func TestSerialWritesAreOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := turns{start: time.Now(), ended: make(map[string]time.Duration)}
		p := open(t, Config{Serial: true, Defaults: Delivery{InFlight: 4, BatchRecords: 1}}, s.sink("a", time.Second), s.sink("b", 0))
		burst(p, 0, 8)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.most != 1 || len(s.begin) != 16 || s.begin[0] != "a" || s.begin[1] != "b" {
			t.Errorf("the turns were %v, at most %d at a time", s.begin, s.most)
		}
		delivers(t, p)
	})
}
