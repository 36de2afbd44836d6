package fapilog

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// refusing returns a sink that refuses every batch with one of these in it.
func refusing(t *testing.T, v sink.Verdict, bad ...int) *sinktest.Script {
	return &sinktest.Script{Answer: func(_ int, batch []sink.Record) sinktest.Step {
		for _, n := range numbers(t, batch) {
			if slices.Contains(bad, n) {
				return sinktest.Verdict(v, 0)
			}
		}
		return sinktest.OK()
	}}
}

func TestOneBadRecordIsFoundInFewAttempts(t *testing.T) {
	for _, verdict := range []sink.Verdict{sink.Rejected, sink.TooLarge} {
		for _, bad := range [][]int{{4711}, {0}, {999}, {9999}, {4000, 4001, 4999}} {
			t.Run(fmt.Sprint(verdict, bad), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := refusing(t, verdict, bad...)
					p := open(t, Config{Defaults: Delivery{BatchRecords: 1000}}, s)
					burst(p, 0, 10_000)
					if err := p.Flush(limit(t, time.Minute)); err != nil {
						t.Fatal(err)
					}
					holds(t, "a", s, slices.DeleteFunc(upTo(10_000), func(n int) bool { return slices.Contains(bad, n) }))
					most := len(bad) * (2*bits.Len(1000) + 4)
					if verdict == sink.TooLarge {
						most += 10_000 / 250 // until the guilty one is found, batches are smaller
					}
					if extra := len(s.Attempts()) - 10; extra > most {
						t.Errorf("%d extra attempts, want at most %d", extra, most)
					}
					if k := row(t, p, "a"); k.Delivered != uint64(10_000-len(bad)) || k.Dropped[Reason(verdict.String())] != uint64(len(bad)) || k.Circuit != breaker.Closed {
						t.Errorf("%+v", k)
					}
				})
			})
		}
	}
}

func TestThrottledSinkIsLeftAlone(t *testing.T) {
	minute := time.Minute
	tests := []struct {
		after  time.Duration
		random float64
		want   time.Duration
	}{
		{10 * time.Second, 0, 10 * time.Second},
		{10 * time.Second, 0.5, 11 * time.Second},
		{5 * minute, 0.5, 5*minute + 30*time.Second},
		{24 * time.Hour, 0, 5 * minute}, // the cap
		{24 * time.Hour, 0.5, 5*minute + 30*time.Second},
		{1<<63 - 1, 0.5, 5*minute + 30*time.Second},
		{0, 0.5, 100 * time.Millisecond}, // a backoff
		{-24 * time.Hour, 0.5, 100 * time.Millisecond},
		{-1 << 63, 0.5, 100 * time.Millisecond},
		{1, 0.5, 1},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.after, " ", test.random), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Verdict(sink.Throttled, test.after)}}
				p := open(t, Config{Defaults: Delivery{Linger: -1}}, s)
				constant(p, test.random)
				start := time.Now()
				log(p, 0, 1)
				synctest.Wait()
				log(p, 1, 5000) // full batches do not disturb it either
				time.Sleep(time.Hour)
				if at := begun(start, s.Attempts()); at[0] != 0 || at[1] != test.want {
					t.Errorf("it was tried again after %v, want %v", at[1], test.want)
				}
				holds(t, "a", s, upTo(5001))
			})
		})
	}
}

func TestThrottlingLeavesTheBreakerClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: slices.Repeat([]sinktest.Step{sinktest.Verdict(sink.Throttled, time.Second), sinktest.Verdict(sink.Throttled, 0)}, 25)}
		var heard events
		p := open(t, Config{OnEvent: heard.note}, s)
		log(p, 0, 10)
		time.Sleep(time.Hour)
		holds(t, "a", s, upTo(10))
		if k := row(t, p, "a"); k.Failures != 50 || len(heard.states()) != 0 {
			t.Errorf("transitions to %v: %+v", heard.states(), k)
		}
	})
}

// One batch was throttled, and then another, which was under way, succeeded.
func TestRetryAfterHoldsForEveryBatchInFlight(t *testing.T) {
	for _, other := range []sinktest.Step{sinktest.Slow(time.Second), sinktest.Late(time.Second, errDown), sinktest.Late(time.Second, &sink.Error{Verdict: sink.TooLarge})} {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Steps: []sinktest.Step{other, sinktest.Verdict(sink.Throttled, time.Minute)}}
			p := open(t, Config{Defaults: Delivery{InFlight: 2, BatchRecords: 2}}, s)
			constant(p, 0)
			start := time.Now()
			burst(p, 0, 20)
			time.Sleep(2 * time.Minute)
			if at := begun(start, s.Attempts()); at[2] != time.Minute {
				t.Errorf("attempts at %v", at)
			}
			if k := row(t, p, "a"); k.Delivered != 20 {
				t.Errorf("%+v", k)
			}
		})
	}
}

func TestParkedSinkIsTriedOnceAMinute(t *testing.T) {
	for _, random := range []float64{0, 0.5} {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Steps: slices.Repeat([]sinktest.Step{sinktest.Verdict(sink.Park, 0)}, 5)}
			var heard events
			diagnostics, text := lines()
			p := open(t, Config{Diagnostics: diagnostics, OnEvent: heard.note, Defaults: Delivery{InFlight: 3, BatchRecords: 10}}, s)
			constant(p, random)
			start := time.Now()
			burst(p, 0, 10)
			time.Sleep(time.Second)
			if k := row(t, p, "a"); !k.Parked || k.Pending != 10 || k.Circuit != breaker.Closed || k.LastError != "scripted park" {
				t.Errorf("%+v", k)
			}
			burst(p, 10, 90)
			time.Sleep(10 * time.Minute)
			interval := time.Minute + time.Duration(random*float64(6*time.Second))
			want := []time.Duration{0, interval, 2 * interval, 3 * interval, 4 * interval, 5 * interval}
			if at := begun(start, s.Attempts()); !slices.Equal(at[:6], want) {
				t.Errorf("it was tried at %v, want %v", at, want)
			}
			delivers(t, p)
			if got := numbers(t, s.Records()); len(got) != 100 {
				t.Errorf("%v", got)
			}
			if k := row(t, p, "a"); k.Parked || k.Delivered != 100 {
				t.Errorf("%+v", k)
			}
			parked, resumed := heard.of(EventParked), heard.of(EventResumed)
			if len(parked) != 1 || len(resumed) != 1 || parked[0].Count != 10 || parked[0].Err != "scripted park" {
				t.Errorf("%+v %+v", parked, resumed)
			}
			if n := strings.Count(text.String(), "\n"); n != 2 {
				t.Errorf("%d diagnostics, want one for each change:\n%s", n, text)
			}
		})
	}
}

// A server that hangs, or cannot be reached, has not said that it accepts the
// credentials now.
func TestParkedSinkThatGivesNoAnswerStaysParked(t *testing.T) {
	const m, s = time.Minute, time.Second
	tests := []struct {
		name string
		step sinktest.Step // of the two attempts after the first
		want []time.Duration
	}{
		{"the connection is refused", sinktest.Fail(errDown), []time.Duration{0, m, 2 * m, 3 * m, 4 * m}},
		{"no answer", sinktest.Hang(), []time.Duration{0, m, 2*m + 10*s, 3*m + 20*s, 4*m + 20*s}},
		{"it asks for patience", sinktest.Verdict(sink.Retry, 10*s), []time.Duration{0, m, 2 * m, 3 * m, 4 * m}},
		{"for more than a minute", sinktest.Verdict(sink.Retry, 90*s), []time.Duration{0, m, 2*m + 30*s, 4 * m, 5 * m}},
		// Attempts in the place of a Write that has not returned: a minute apart too.
		{"a Write does not return", sinktest.Late(150*s, errDown), []time.Duration{0, m, 4*m + 10*s, 7*m + 20*s, 8*m + 20*s}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				park := sinktest.Verdict(sink.Park, 0)
				s := &sinktest.Script{Steps: []sinktest.Step{park, test.step, test.step, park}}
				var heard events
				p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{Linger: -1}}, s)
				constant(p, 0)
				start := time.Now()
				burst(p, 0, 100)
				time.Sleep(3*time.Minute - 1)
				if k := row(t, p, "a"); !k.Parked || k.Pending != 100 || k.Circuit != breaker.Closed || len(heard.of(EventResumed)) != 0 {
					t.Errorf("%+v", k)
				}
				time.Sleep(10 * time.Minute)
				if at := begun(start, s.Attempts()); !slices.Equal(at, test.want) {
					t.Errorf("it was tried at %v, want %v", at, test.want)
				}
				holds(t, "a", s, upTo(100))
				if parked, resumed := heard.of(EventParked), heard.of(EventResumed); len(parked) != 1 || len(resumed) != 1 {
					t.Errorf("%+v %+v", parked, resumed)
				}
			})
		})
	}
}

func TestGoneSinkIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.OK(), sinktest.Verdict(sink.Gone, 0)}}
		var heard events
		p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{BatchRecords: 10, Linger: -1}}, s)
		burst(p, 0, 10)
		time.Sleep(time.Second)
		burst(p, 10, 50)
		time.Sleep(time.Hour)
		burst(p, 60, 40)
		time.Sleep(time.Hour)
		taken := uint64(s.Len())
		if k := row(t, p, "a"); !k.Gone || k.Delivered != taken || k.Dropped[DroppedGone] != 100-taken || k.Pending != 0 || k.Circuit != breaker.Closed {
			t.Errorf("%+v", k)
		}
		if n := len(heard.of(EventGone)); n != 1 {
			t.Errorf("%d events", n)
		}
		start := time.Now()
		if err := p.Flush(limit(t, time.Second)); err != nil {
			t.Error(err)
		}
		if err := p.Close(limit(t, time.Second)); err != nil || time.Since(start) != 0 || !s.Closed() {
			t.Errorf("Close returned %v after %v; closed: %t", err, time.Since(start), s.Closed())
		}
	})
}
