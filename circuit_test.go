package fapilog

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestCircuitOpensAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failing(5)
		diagnostics, text := lines()
		var heard events
		p := open(t, Config{Diagnostics: diagnostics, OnEvent: heard.note}, s)
		log(p, 0, 1000)
		time.Sleep(20 * time.Second)
		if n := len(s.Attempts()); n != 5 {
			t.Errorf("%d attempts, want 5", n)
		}
		if k := row(t, p, "a"); k.Circuit != breaker.Open || k.Pending != 1000 || k.Attempts != 5 || k.Failures != 5 || k.LastError != errDown.Error() {
			t.Errorf("%+v", k)
		}
		log(p, 1000, 500)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		holds(t, "a", s, upTo(1500)) // held, in order, none lost
		delivers(t, p)
		if n := strings.Count(text.String(), "sink circuit open"); n != 1 {
			t.Errorf("%d lines tell that the circuit opened:\n%s", n, text)
		}
		if got, want := heard.states(), []breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed}; !slices.Equal(got, want) {
			t.Errorf("transitions to %v, want %v", got, want)
		}
	})
}

func TestSuccessResetsTheCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []sinktest.Step
		for range 10 {
			steps = append(steps, slices.Repeat([]sinktest.Step{sinktest.Fail(errDown)}, 4)...)
			steps = append(steps, sinktest.OK())
		}
		s := &sinktest.Script{Steps: steps}
		var heard events
		p := open(t, Config{OnEvent: heard.note}, s)
		for n := range 10 {
			log(p, n, 1)
			time.Sleep(time.Minute)
		}
		holds(t, "a", s, upTo(10))
		if k := row(t, p, "a"); k.Failures != 40 || len(heard.states()) != 0 {
			t.Errorf("transitions %v: %+v", heard.states(), k)
		}
	})
}

func TestCircuitHalfOpenAfterTimeout(t *testing.T) {
	tests := []struct {
		name   string
		cfg    breaker.Config
		steps  []sinktest.Step // from the first probe on
		begun  []time.Duration // the probes, from when the circuit opened
		states []breaker.State
	}{
		{
			"a success closes it", breaker.Config{Failures: 1},
			[]sinktest.Step{sinktest.OK()},
			[]time.Duration{30 * time.Second},
			[]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed},
		}, {
			"a failure opens it for the whole time again", breaker.Config{Failures: 1, Recovery: 7 * time.Second},
			[]sinktest.Step{sinktest.Fail(errDown), sinktest.Panic("boom"), sinktest.Goexit(), sinktest.OK()},
			[]time.Duration{7 * time.Second, 14 * time.Second, 21 * time.Second, 28 * time.Second},
			[]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Open, breaker.HalfOpen, breaker.Open, breaker.HalfOpen, breaker.Open, breaker.HalfOpen, breaker.Closed},
		}, {
			"a hanging probe is ended by its deadline", breaker.Config{Failures: 1, Recovery: 7 * time.Second},
			[]sinktest.Step{sinktest.Hang(), sinktest.OK()},
			[]time.Duration{7 * time.Second, 24 * time.Second}, // 7 + 10 + 7
			[]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Open, breaker.HalfOpen, breaker.Closed},
		}, {
			"a neutral probe leaves it half-open", breaker.Config{Failures: 1, Recovery: 7 * time.Second},
			[]sinktest.Step{sinktest.Verdict(sink.Throttled, 10*time.Second), sinktest.Verdict(sink.Park, 0), sinktest.OK()},
			[]time.Duration{7 * time.Second, 17 * time.Second, 77 * time.Second},
			[]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed},
		}, {
			"as many successes as probes close it", breaker.Config{Failures: 1, Probes: 3},
			[]sinktest.Step{sinktest.OK(), sinktest.OK(), sinktest.OK()},
			[]time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second},
			[]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Steps: append([]sinktest.Step{sinktest.Fail(errDown)}, test.steps...)}
				var heard events
				p := open(t, Config{OnEvent: heard.note, Defaults: Delivery{Breaker: test.cfg, BatchRecords: 1}}, s)
				constant(p, 0)
				start := time.Now()
				log(p, 0, 3)
				time.Sleep(10 * time.Minute)
				holds(t, "a", s, upTo(3))
				if at := begun(start, s.Attempts())[1 : len(test.begun)+1]; !slices.Equal(at, test.begun) {
					t.Errorf("the probes began at %v, want %v", at, test.begun)
				}
				if got := heard.states(); !slices.Equal(got, test.states) {
					t.Errorf("transitions to %v, want %v", got, test.states)
				}
			})
		})
	}
}

func TestSkippedRecordsAreCountedAndTheNextBatchIsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failing(4)
		cfg := Delivery{OnOpen: Skip, BatchRecords: 10}
		cfg.Breaker.Failures = 3
		p := open(t, Config{Defaults: cfg}, s)
		constant(p, 0)
		burst(p, 0, 10) // fails three times, and is then skipped
		synctest.Wait()
		for n := 1; n < 30; n++ {
			time.Sleep(time.Second)
			burst(p, n*10, 10)
			synctest.Wait()
		}
		if k := row(t, p, "a"); k.Dropped[DroppedCircuitOpen] != 300 || k.Pending != 0 || k.Attempts != 3 || k.Circuit != breaker.Open {
			t.Errorf("%+v", k)
		}
		time.Sleep(time.Second) // 30 s
		synctest.Wait()
		if n := len(s.Attempts()); n != 3 {
			t.Errorf("%d attempts without a record to try", n)
		}
		burst(p, 300, 10) // the probe; it fails and is skipped as well
		synctest.Wait()
		if k := row(t, p, "a"); k.Dropped[DroppedCircuitOpen] != 310 || k.Attempts != 4 || k.Circuit != breaker.Open {
			t.Errorf("%+v", k)
		}
		time.Sleep(30 * time.Second)
		burst(p, 310, 10)
		synctest.Wait()
		holds(t, "a", s, span(310, 10))
		if k := row(t, p, "a"); k.Dropped[DroppedCircuitOpen] != 310 || k.Delivered != 10 || k.Circuit != breaker.Closed {
			t.Errorf("%+v", k)
		}
		if p.Stats().Complete() {
			t.Error("with records skipped it is complete")
		}
	})
}

func TestPingDecidesWithoutTraffic(t *testing.T) {
	tests := []struct {
		name  string
		pings []sinktest.Step
		cfg   breaker.Config
		want  []time.Duration // when Ping was called
	}{
		{"at once", nil, breaker.Config{}, []time.Duration{30 * time.Second}},
		{"after failures", []sinktest.Step{sinktest.Fail(errDown), sinktest.Panic("boom"), sinktest.Goexit()}, breaker.Config{},
			[]time.Duration{30 * time.Second, 60 * time.Second, 90 * time.Second, 120 * time.Second}},
		{"after hanging", []sinktest.Step{sinktest.Hang(), sinktest.Late(15*time.Second, nil)}, breaker.Config{},
			[]time.Duration{30 * time.Second, 70 * time.Second, 110 * time.Second}},
		{"as many as probes", nil, breaker.Config{Probes: 2}, []time.Duration{30 * time.Second, 30 * time.Second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Pinging{Pings: sinktest.Script{Steps: test.pings}}
				s.Steps = []sinktest.Step{sinktest.Fail(errDown)}
				cfg := Delivery{OnOpen: Skip, Breaker: test.cfg}
				cfg.Breaker.Failures = 1
				p := open(t, Config{Defaults: cfg}, s)
				log(p, 0, 5)
				time.Sleep(5 * time.Millisecond)
				start := time.Now()
				time.Sleep(10 * time.Minute)
				if at := begun(start, s.Pings.Attempts()); !slices.Equal(at, test.want) {
					t.Errorf("pings at %v, want %v", at, test.want)
				}
				if k := row(t, p, "a"); k.Circuit != breaker.Closed || k.Attempts != 1 {
					t.Errorf("%+v", k)
				}
				log(p, 5, 5)
				delivers(t, p)
				holds(t, "a", s, span(5, 5))
			})
		})
	}
}

func TestSinkWithRecordsToTryIsNotPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sinktest.Pinging)
		s.Steps = slices.Repeat([]sinktest.Step{sinktest.Fail(errDown)}, 10)
		p := open(t, Config{}, s)
		log(p, 0, 5)
		time.Sleep(10 * time.Minute)
		holds(t, "a", s, upTo(5))
		if n := len(s.Pings.Attempts()); n != 0 {
			t.Errorf("%d pings", n)
		}
	})
}

func TestSinkIsNotPingedWhileAnAbandonedWriteTakesItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sinktest.Pinging)
		s.Steps = []sinktest.Step{sinktest.Late(5*time.Minute, errDown)}
		p := open(t, Config{Defaults: Delivery{OnOpen: Skip, Breaker: once, Linger: -1}}, s)
		start := time.Now()
		log(p, 0, 1)
		time.Sleep(time.Hour)
		if at := begun(start, s.Pings.Attempts()); !slices.Equal(at, []time.Duration{5 * time.Minute}) {
			t.Errorf("pings at %v", at)
		}
		if k := row(t, p, "a"); k.Circuit != breaker.Closed || k.Dropped[DroppedCircuitOpen] != 1 {
			t.Errorf("%+v", k)
		}
	})
}

func TestManyFailuresAtOnceAreOneTransition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: slices.Repeat([]sinktest.Step{sinktest.Late(time.Second, errDown)}, 8)}
		diagnostics, text := lines()
		var heard events
		cfg := Delivery{InFlight: 8, BatchRecords: 1}
		cfg.Breaker.Failures = 3
		p := open(t, Config{Defaults: cfg, OnEvent: heard.note, Diagnostics: diagnostics}, s)
		log(p, 0, 8)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := len(s.Attempts()); n != 8 {
			t.Errorf("%d attempts, want 8", n)
		}
		if got := heard.states(); !slices.Equal(got, []breaker.State{breaker.Open}) {
			t.Errorf("transitions to %v", got)
		}
		if e := heard.of(EventCircuit)[0]; e.From != breaker.Closed || e.Count != 3 || e.Sink != "a" {
			t.Errorf("%+v", e)
		}
		if n := strings.Count(text.String(), "sink circuit"); n != 1 {
			t.Errorf("%d lines:\n%s", n, text)
		}
		if k := row(t, p, "a"); k.Failures != 8 || k.Circuit != breaker.Open {
			t.Errorf("%+v", k)
		}
		time.Sleep(11 * time.Second) // the recovery time is counted from the third failure
		synctest.Wait()
		if got := numbers(t, s.Records()); len(got) != 8 {
			t.Errorf("%v after the recovery", got)
		}
	})
}

func TestHalfOpenAdmitsOnlyTheProbes(t *testing.T) {
	for _, probes := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Steps: slices.Repeat([]sinktest.Step{sinktest.Late(time.Second, errDown)}, 8), Then: sinktest.Slow(time.Second)}
			cfg := Delivery{InFlight: 8, BatchRecords: 1}
			cfg.Breaker = breaker.Config{Failures: 8, Probes: probes}
			p := open(t, Config{Defaults: cfg}, s)
			constant(p, 0.5)
			log(p, 0, 8)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			if n := len(s.Attempts()) - 8; n != probes {
				t.Errorf("%d attempts in half-open, want %d", n, probes)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if n := len(s.Attempts()); n != 16 {
				t.Errorf("%d attempts once it is closed, want 16", n)
			}
		})
	}
}

func TestWithoutABreakerEveryBatchIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := failing(100)
		cfg := Delivery{RetryMax: time.Second}
		cfg.Breaker.Off = true
		p := open(t, Config{Defaults: cfg}, s)
		log(p, 0, 5)
		time.Sleep(2 * time.Minute)
		holds(t, "a", s, upTo(5))
		if k := row(t, p, "a"); k.Failures != 100 || k.Attempts != 101 {
			t.Errorf("%+v", k)
		}
	})
}

// What is kept off sends the destination nothing, so a Retry-After that is longer than
// the circuit is open puts off the next probe, and no record.
func TestRetryAfterDoesNotHoldWhatAnOpenCircuitSkipsOrDiverts(t *testing.T) {
	for name, d := range map[string]Delivery{"diverts": to("spare"), "skips": {OnOpen: Skip, Breaker: once}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var primary sinktest.Pinging
				primary.Then = sinktest.Verdict(sink.Retry, time.Minute)
				var spare sinktest.Memory
				d.Linger = -1
				cfg := Config{Routes: []Route{{Name: "primary", Sink: &primary, Delivery: d}}}
				if d.Fallback != "" {
					cfg.Routes = append(cfg.Routes, Route{Name: "spare", Sink: &spare, Standby: true})
				}
				p := open(t, cfg)
				constant(p, 0)
				start := time.Now()
				for n := range 200 {
					log(p, n, 1)
					synctest.Wait()
					if k := row(t, p, "primary"); k.Pending != 0 {
						t.Fatalf("after %v: %+v", time.Since(start), k)
					}
					time.Sleep(time.Second)
				}
				if at, want := begun(start, primary.Attempts()), []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute}; !slices.Equal(at, want) {
					t.Errorf("attempts at %v, want %v", at, want)
				}
				for _, at := range begun(start, primary.Pings.Attempts()) {
					if at%time.Minute != 0 {
						t.Errorf("a Ping after %v", at)
					}
				}
				log(p, 200, 10)
				delivers(t, p)
				if k := row(t, p, "primary"); k.Diverted+k.Dropped[DroppedCircuitOpen] != 210 || k.Diverted != uint64(spare.Len()) {
					t.Errorf("the spare has %d: %+v", spare.Len(), k)
				}
			})
		})
	}
}
