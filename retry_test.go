package fapilog

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	tests := []struct {
		base, limit time.Duration
		random      float64
		want        []time.Duration // between attempts
	}{
		{0, 0, 0.5, []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000}}, // 200 ms and 30 s
		{time.Second, 5 * time.Second, 0.25, []time.Duration{250, 500, 1000, 1250, 1250}},
		{time.Minute, time.Minute, 0.5, []time.Duration{30_000, 30_000}},
		{time.Second, time.Second, 0, []time.Duration{0, 0, 0}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.base, test.limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := failing(len(test.want))
				cfg := Delivery{Linger: -1, RetryBase: test.base, RetryMax: test.limit}
				cfg.Breaker.Off = true
				p := open(t, Config{Defaults: cfg}, s)
				constant(p, test.random)
				start := time.Now()
				log(p, 0, 1)
				time.Sleep(time.Hour)
				want, sum := []time.Duration{0}, time.Duration(0)
				for _, wait := range test.want {
					sum += wait * time.Millisecond
					want = append(want, sum)
				}
				if at := begun(start, s.Attempts()); !slices.Equal(at, want) {
					t.Errorf("attempts at %v, want %v", at, want)
				}
			})
		})
	}
}

func TestBackoffIsRandomWithinItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Defaults: Delivery{RetryBase: time.Second, RetryMax: time.Minute}}, failing(0))
		d := p.deliveries[0]
		for failures := range 100 {
			ceiling := min(time.Minute, time.Second<<min(failures, 10))
			least, most := ceiling, time.Duration(0)
			for range 1000 {
				wait := d.backoff(failures)
				least, most = min(least, wait), max(most, wait)
			}
			if least < 0 || most >= ceiling || least > ceiling/20 || most < ceiling-ceiling/20 {
				t.Fatalf("after %d failures the waits are from %v to %v, want 0 to %v", failures, least, most, ceiling)
			}
		}
	})
}

func TestBackoffBeginsAnewAfterASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := sinktest.Fail(errDown)
		s := &sinktest.Script{Steps: []sinktest.Step{fail, fail, sinktest.OK(), fail, sinktest.OK()}}
		p := open(t, Config{Defaults: Delivery{BatchRecords: 1}}, s)
		constant(p, 0.5)
		start := time.Now()
		log(p, 0, 2)
		time.Sleep(time.Minute)
		ms := time.Millisecond
		if at := begun(start, s.Attempts()); !slices.Equal(at, []time.Duration{0, 100 * ms, 300 * ms, 300 * ms, 400 * ms}) {
			t.Errorf("attempts at %v", at)
		}
	})
}

// A sink that fails and says when it may be asked again is believed.
func TestFailureMayCarryARetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Verdict(sink.Retry, 20*time.Second), sinktest.Verdict(sink.Retry, time.Hour)}}
		p := open(t, Config{Defaults: Delivery{Linger: -1}}, s)
		constant(p, 0)
		start := time.Now()
		log(p, 0, 1)
		time.Sleep(time.Hour)
		if at := begun(start, s.Attempts()); !slices.Equal(at, []time.Duration{0, 20 * time.Second, 5*time.Minute + 20*time.Second}) {
			t.Errorf("attempts at %v", at)
		}
	})
}

func TestItemsAreJudgedOneByOne(t *testing.T) {
	const all = 5
	tests := []struct {
		verdict sink.Verdict
		dropped Reason        // "": it is delivered in the end
		again   time.Duration // when it is tried again
	}{
		{sink.Retry, "", 100 * time.Millisecond},
		{sink.Throttled, "", 100 * time.Millisecond},
		{sink.Park, "", 63 * time.Second},
		{sink.Gone, "", 100 * time.Millisecond}, // nonsense for a record
		{99, "", 100 * time.Millisecond},
		{sink.Rejected, DroppedRejected, 0},
		{sink.TooLarge, DroppedTooLarge, 0},
	}
	for _, test := range tests {
		for _, indices := range [][]int{{0}, {2}, {4}, {1, 3}, {0, 1, 2, 3, 4}} {
			t.Run(fmt.Sprint(test.verdict, indices), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var items []sink.ItemError
					for _, i := range indices {
						items = append(items, sink.ItemError{Index: i, Verdict: test.verdict, Err: fmt.Errorf("item %d", i)})
					}
					s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Items(items...)}}
					var heard events
					p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{BatchRecords: all}}, s)
					constant(p, 0.5)
					start := time.Now()
					burst(p, 0, all)
					time.Sleep(10 * time.Minute)
					want := slices.DeleteFunc(upTo(all), func(n int) bool { return slices.Contains(indices, n) })
					attempts := s.Attempts()
					if test.dropped == "" {
						want = append(want, indices...)
						if got := numbers(t, attempts[1].Records); len(attempts) != 2 || !slices.Equal(got, indices) || attempts[1].Start.Sub(start) != test.again {
							t.Errorf("%d attempts; the second at %v with %v, want %v with %v", len(attempts), attempts[1].Start.Sub(start), got, test.again, indices)
						}
					} else if len(attempts) != 1 {
						t.Errorf("%d attempts", len(attempts))
					}
					holds(t, "a", s, want)
					k := row(t, p, "a")
					if k.Delivered != uint64(len(want)) || k.Dropped[test.dropped] != uint64(all-len(want)) {
						t.Errorf("%+v", k)
					}
					for i, e := range heard.of(EventDropped) {
						if e.Err != fmt.Sprintf("item %d; no quarantine is configured", indices[i]) || e.Reason != test.dropped {
							t.Errorf("%+v", e)
						}
					}
				})
			})
		}
	}
}

func TestMixedItemsEachHaveTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{
			sinktest.Items(
				sink.ItemError{Index: 7, Verdict: sink.Rejected}, sink.ItemError{Index: 1, Verdict: sink.Retry},
				sink.ItemError{Index: 3, Verdict: sink.TooLarge}, sink.ItemError{Index: 5, Verdict: sink.Throttled}),
			sinktest.Items(sink.ItemError{Index: 0, Verdict: sink.Rejected}),
		}}
		p := open(t, Config{Defaults: Delivery{BatchRecords: 8}}, s)
		burst(p, 0, 8)
		delivers(t, p)
		holds(t, "a", s, []int{0, 2, 4, 6, 5})
		if k := row(t, p, "a"); k.Dropped[DroppedRejected] != 2 || k.Dropped[DroppedTooLarge] != 1 || k.Delivered != 5 {
			t.Errorf("%+v", k)
		}
	})
}

// A destination that settles nothing of a batch is failing; one that settles
// something is not.
func TestItemsAndTheBreaker(t *testing.T) {
	for _, progress := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Answer: func(_ int, batch []sink.Record) sinktest.Step {
				var items []sink.ItemError
				for i := range batch {
					if i > 0 || !progress {
						items = append(items, sink.ItemError{Index: i})
					}
				}
				if items == nil {
					return sinktest.OK()
				}
				return sinktest.Items(items...)
			}}
			var heard events
			p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{BatchRecords: 20}}, s)
			burst(p, 0, 20)
			time.Sleep(20 * time.Second)
			switch {
			case progress:
				holds(t, "a", s, upTo(20))
				if len(heard.states()) != 0 {
					t.Errorf("transitions to %v", heard.states())
				}
			case len(s.Attempts()) != 5 || len(heard.states()) != 1:
				t.Errorf("%d attempts, transitions to %v", len(s.Attempts()), heard.states())
			}
			balanced(t, p)
		})
	}
}

func TestBatchExpires(t *testing.T) {
	tests := []struct {
		name string
		then sinktest.Step
		took time.Duration // from the first attempt
	}{
		{"when it always fails", sinktest.Fail(errDown), 25 * time.Second},
		{"when it is throttled", sinktest.Verdict(sink.Throttled, time.Hour), 25 * time.Second},
		{"when it is parked", sinktest.Verdict(sink.Park, 0), 25 * time.Second},
		{"after the attempt under way", sinktest.Hang(), 30 * time.Second},
		{"while an abandoned Write hangs", sinktest.Stuck(), 25 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Then: test.then}
				defer s.Release()
				var heard events
				cfg := Delivery{RetryFor: 25 * time.Second, BatchRecords: 10, RetryBase: time.Millisecond, RetryMax: time.Millisecond}
				cfg.Breaker.Off = true
				p := open(t, Config{OnEvent: heard.note, Defaults: cfg}, s)
				start := time.Now()
				burst(p, 0, 10)
				time.Sleep(time.Minute)
				dropped := heard.of(EventDropped)
				if len(dropped) != 1 || dropped[0].Reason != DroppedExpired || dropped[0].Count != 10 {
					t.Fatalf("%+v", dropped)
				}
				if at := dropped[0].Time.Sub(start); at < test.took || at > test.took+10*time.Millisecond {
					t.Errorf("dropped after %v, want %v", at, test.took)
				}
				if k := row(t, p, "a"); k.Dropped[DroppedExpired] != 10 || k.Pending != 0 {
					t.Errorf("%+v", k)
				}
			})
		})
	}
}

// A request holds no more than some records of a batch, or some hours. The destination
// is well all the while, and the others are none that it failed to take.
func TestPostponedRecordsFollowAtOnce(t *testing.T) {
	const each, all = 10, 200
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Answer: func(attempt int, batch []sink.Record) sinktest.Step {
			time.Sleep(time.Second)
			var items []sink.ItemError
			for i := each; i < len(batch); i++ {
				items = append(items, sink.ItemError{Index: i, Verdict: sink.Postponed, Err: errors.New("the request is full")})
			}
			if items == nil {
				return sinktest.OK()
			}
			return sinktest.Items(items...)
		}}
		var heard events
		p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{BatchRecords: all, RetryFor: 5 * time.Second}}, s)
		start := time.Now()
		burst(p, 0, all)
		delivers(t, p)
		holds(t, "a", s, upTo(all))
		for i, at := range begun(start, s.Attempts()) {
			if at != time.Duration(i)*time.Second {
				t.Errorf("attempt %d at %v", i, at)
			}
		}
		if k := row(t, p, "a"); k.Delivered != all || k.Attempts != all/each || k.Failures != 0 || k.LastError != "" || len(heard.of(EventFailed)) > 0 {
			t.Errorf("%+v", k)
		}
		if m := p.Metrics()[0].Attempts; m[ResultDelivered] != all/each {
			t.Errorf("%v", m)
		}
	})
}

func TestPostponedBesideOtherVerdicts(t *testing.T) {
	postponed := func(i int) sink.ItemError { return sink.ItemError{Index: i, Verdict: sink.Postponed} }
	tests := []struct {
		name     string
		items    []sink.ItemError
		again    time.Duration
		failures uint64
	}{
		{"one is rejected", []sink.ItemError{postponed(0), {Index: 1, Verdict: sink.Rejected}, postponed(2)}, 0, 1},
		{"one is to be tried again", []sink.ItemError{postponed(0), {Index: 1}}, 100 * time.Millisecond, 1},
		{"one is throttled", []sink.ItemError{postponed(0), {Index: 1, Verdict: sink.Throttled}}, 100 * time.Millisecond, 1},
		{"one parks", []sink.ItemError{postponed(0), {Index: 1, Verdict: sink.Park}}, 63 * time.Second, 1},
		{"all are postponed", []sink.ItemError{postponed(0), postponed(1), postponed(2)}, 100 * time.Millisecond, 1},
		{"one twice", []sink.ItemError{postponed(1), postponed(1)}, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Items(test.items...)}}
				p := open(t, Config{Defaults: Delivery{BatchRecords: 3}}, s)
				constant(p, 0.5)
				start := time.Now()
				burst(p, 0, 3)
				time.Sleep(10 * time.Minute)
				if at := begun(start, s.Attempts()); len(at) != 2 || at[1] != test.again {
					t.Errorf("attempts at %v, want the second at %v", at, test.again)
				}
				if k := row(t, p, "a"); k.Failures != test.failures || k.Pending != 0 {
					t.Errorf("%+v", k)
				}
			})
		})
	}
	t.Run("the whole batch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Then: sinktest.Verdict(sink.Postponed, 0)}
			var heard events
			p := open(t, Config{OnEvent: heard.note}, s)
			log(p, 0, 1)
			time.Sleep(20 * time.Second)
			if len(s.Attempts()) != 5 || len(heard.states()) != 1 {
				t.Errorf("%d attempts, transitions to %v", len(s.Attempts()), heard.states())
			}
		})
	})
}
