package breaker

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var t0 = time.Now()

// at returns the moment s seconds after t0.
func at(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }

// call is one attempt from start to end: Allow at allow, then Done. Where the
// permit is denied there is no Done.
type call struct {
	allow, done float64
	outcome     Outcome
	denied      bool
	began       string // the transition that Allow is to report, "" for none
	ended       string // the transition that Done is to report
}

func show(t Transition) string {
	if t.From == t.To {
		return ""
	}
	return t.From.String() + " to " + t.To.String()
}

// opened is three failures at a threshold of three: open from second 2.
var opened = []call{
	{allow: 0, done: 0, outcome: Failure},
	{allow: 1, done: 1, outcome: Failure},
	{allow: 2, done: 2, outcome: Failure, ended: "closed to open"},
}

func TestEveryTransition(t *testing.T) {
	config := Config{Failures: 3, Recovery: 10 * time.Second}
	two := Config{Failures: 3, Recovery: 10 * time.Second, Probes: 2}
	for _, test := range []struct {
		name    string
		config  Config
		calls   []call
		state   State
		retryAt time.Time
	}{
		{"it stays closed while attempts succeed", config, []call{
			{outcome: Success}, {outcome: Success}, {outcome: Success}, {outcome: Success},
		}, Closed, time.Time{}},
		{"consecutive failures open it", config, opened, Open, at(12)},
		{"a success begins the count anew", config, []call{
			{outcome: Failure}, {outcome: Failure}, {outcome: Success}, {outcome: Failure}, {outcome: Failure},
		}, Closed, time.Time{}},
		{"a neutral outcome leaves the count", config, []call{
			{outcome: Failure}, {outcome: Failure}, {outcome: Neutral}, {outcome: Failure, ended: "closed to open"},
		}, Open, at(10)},
		{"neutral outcomes alone do nothing", config, []call{
			{outcome: Neutral}, {outcome: Neutral}, {outcome: Neutral}, {outcome: Neutral},
		}, Closed, time.Time{}},
		{"an outcome that was forgotten counts as a failure", config, []call{
			{}, {}, {ended: "closed to open"},
		}, Open, at(10)},
		{"it denies until the recovery time has passed", config, append(opened[:3:3],
			call{allow: 2, denied: true}, call{allow: 11.999, denied: true},
		), Open, at(12)},
		{"the recovery time counts from the result, not from the start of the attempt", config, append(opened[:2:2],
			call{allow: 2, done: 5, outcome: Failure, ended: "closed to open"}, call{allow: 14.999, denied: true},
		), Open, at(15)},
		{"a successful probe closes it", config, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Success, began: "open to half-open", ended: "half-open to closed"},
		), Closed, time.Time{}},
		{"a failed probe opens it with a fresh timeout", config, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Failure, began: "open to half-open", ended: "half-open to open"},
			call{allow: 22.999, denied: true},
		), Open, at(23)},
		{"a neutral probe leaves it half-open and gives its permit back", config, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Neutral, began: "open to half-open"},
			call{allow: 13, done: 14, outcome: Neutral},
			call{allow: 14, done: 15, outcome: Success, ended: "half-open to closed"},
		), Closed, time.Time{}},
		{"one success of two leaves it half-open", two, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Success, began: "open to half-open"},
		), HalfOpen, time.Time{}},
		{"as many successes as probes close it", two, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Success, began: "open to half-open"},
			call{allow: 14, done: 15, outcome: Success, ended: "half-open to closed"},
		), Closed, time.Time{}},
		{"a neutral probe between two successes does not matter", two, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Success, began: "open to half-open"},
			call{allow: 13, done: 13, outcome: Neutral},
			call{allow: 14, done: 15, outcome: Success, ended: "half-open to closed"},
		), Closed, time.Time{}},
		{"a failure after one success of two opens it, and both are wanted again", two, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Success, began: "open to half-open"},
			call{allow: 14, done: 15, outcome: Failure, ended: "half-open to open"},
			call{allow: 25, done: 26, outcome: Success, began: "open to half-open"},
		), HalfOpen, time.Time{}},
		{"once closed it counts from zero", config, append(opened[:3:3],
			call{allow: 12, done: 13, outcome: Success, began: "open to half-open", ended: "half-open to closed"},
			call{allow: 14, outcome: Failure}, call{allow: 14, outcome: Failure},
		), Closed, time.Time{}},
		{"switched off it allows everything and never changes", Config{Off: true, Failures: 1}, []call{
			{outcome: Failure}, {outcome: Failure}, {outcome: Failure},
		}, Closed, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(test.config)
			for i, c := range test.calls {
				p, began, ok := b.Allow(at(c.allow))
				if ok == c.denied || show(began) != c.began {
					t.Fatalf("call %d: Allow is %t with transition %q, want %t with %q", i, ok, show(began), !c.denied, c.began)
				}
				if !ok {
					continue
				}
				ended, changed := b.Done(p, c.outcome, at(c.done))
				if show(ended) != c.ended || changed != (c.ended != "") {
					t.Fatalf("call %d: Done has transition %q (%t), want %q", i, show(ended), changed, c.ended)
				}
				if changed && !ended.At.Equal(at(c.done)) {
					t.Errorf("call %d: the transition is at %v, want %v", i, ended.At.Sub(t0), c.done)
				}
			}
			if b.State() != test.state || !b.RetryAt().Equal(test.retryAt) {
				t.Errorf("in the end it is %v until %v, want %v until %v", b.State(), b.RetryAt(), test.state, test.retryAt)
			}
		})
	}
}

func TestTransitionCountsConsecutiveFailuresOverFailedProbes(t *testing.T) {
	b := open(t, Config{Failures: 3, Recovery: time.Second})
	for want := 4; want < 7; want++ {
		p, began, _ := b.Allow(b.RetryAt())
		if began.Failures != want-1 {
			t.Errorf("half-open after %d failures, want %d", began.Failures, want-1)
		}
		if again, _ := b.Done(p, Failure, began.At); again.Failures != want {
			t.Errorf("open after %d failures, want %d", again.Failures, want)
		}
	}
	p, _, _ := b.Allow(b.RetryAt())
	if closed, _ := b.Done(p, Success, at(9)); closed.Failures != 0 {
		t.Errorf("closed after %d failures, want 0", closed.Failures)
	}
}

// open returns a circuit that has just opened, at t0.
func open(t *testing.T, c Config) *Breaker {
	t.Helper()
	b := New(c)
	for range c.WithDefaults().Failures {
		b.Done(take(t, b, 0), Failure, t0)
	}
	if b.State() != Open {
		t.Fatalf("the circuit is %v, want open", b.State())
	}
	return b
}

func take(t *testing.T, b *Breaker, now float64) Permit {
	t.Helper()
	p, _, ok := b.Allow(at(now))
	if !ok {
		t.Fatalf("no permit at second %v", now)
	}
	return p
}

func TestFiftyGoroutinesAtTheHalfOpenMomentGetExactlyTheProbes(t *testing.T) {
	for _, probes := range []int{1, 3, 50} {
		b := open(t, Config{Recovery: time.Second, Probes: probes})
		var allowed, transitions atomic.Int64
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				<-start
				_, began, ok := b.Allow(at(1))
				if ok {
					allowed.Add(1)
				}
				if began.From != began.To {
					transitions.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if allowed.Load() != int64(probes) || transitions.Load() != 1 {
			t.Errorf("%d probes: %d permits and %d transitions, want %d and 1", probes, allowed.Load(), transitions.Load(), probes)
		}
	}
}

func TestPermitComesBackOnEveryOutcome(t *testing.T) {
	for _, outcome := range []Outcome{Success, Failure, Neutral, Outcome(0), Outcome(99)} {
		b := open(t, Config{Recovery: time.Second, Probes: 2})
		now := 1.0
		for round := range 10 {
			p := take(t, b, now)
			b.Done(p, outcome, at(now))
			now++ // past the recovery time, should it have opened
			if b.State() == HalfOpen && b.out() != 0 {
				t.Fatalf("%v: %d permits are out after round %d", outcome, b.out(), round)
			}
		}
	}
}

func TestPermitGivenBackTwiceCountsOnce(t *testing.T) {
	b := New(Config{Failures: 2})
	p := take(t, b, 0)
	b.Done(p, Failure, t0)
	if _, changed := b.Done(p, Failure, t0); changed || b.State() != Closed {
		t.Error("one attempt counted as two failures")
	}

	b = open(t, Config{Recovery: time.Second, Probes: 2})
	first, second := take(t, b, 1), take(t, b, 1)
	b.Done(first, Neutral, at(1))
	b.Done(first, Neutral, at(1))
	take(t, b, 1)
	if _, _, ok := b.Allow(at(1)); ok {
		t.Error("one permit came back as two")
	}
	b.Done(first, Failure, at(1))
	if b.State() != HalfOpen {
		t.Error("a permit that was given back has failed for its slot's next holder")
	}
	b.Done(second, Success, at(1))
}

func TestZeroPermitHasNoEffect(t *testing.T) {
	b := New(Config{Failures: 1})
	if _, changed := b.Done(Permit{}, Failure, t0); changed {
		t.Error("an attempt that was not allowed opened the circuit")
	}
}

func TestResultsOfAnEarlierTermAreIgnored(t *testing.T) {
	c := Config{Failures: 1, Recovery: time.Second}
	for _, outcome := range []Outcome{Success, Failure, Neutral} {
		b := New(c)
		closedTerm := take(t, b, 0)
		b.Done(take(t, b, 0), Failure, t0)
		ignore(t, b, closedTerm, outcome, Open)

		probe := take(t, b, 1)
		ignore(t, b, closedTerm, outcome, HalfOpen)
		if _, _, ok := b.Allow(at(1)); ok {
			t.Error("a permit of the closed term was taken for the probe's")
		}
		b.Done(probe, Failure, at(1))

		later := take(t, b, 2)
		ignore(t, b, probe, outcome, HalfOpen)
		b.Done(later, Success, at(2))
		ignore(t, b, probe, outcome, Closed)
		ignore(t, b, closedTerm, outcome, Closed)
	}
}

func ignore(t *testing.T, b *Breaker, p Permit, o Outcome, want State) {
	t.Helper()
	retryAt := b.RetryAt()
	if _, changed := b.Done(p, o, at(1)); changed || b.State() != want || !b.RetryAt().Equal(retryAt) {
		t.Errorf("a %v of an earlier term made it %v, want %v", o, b.State(), want)
	}
}

func TestEightFailuresAtThresholdThreeAreOneTransition(t *testing.T) {
	b := New(Config{Failures: 3})
	permits := make([]Permit, 8)
	for i := range permits {
		permits[i] = take(t, b, 0)
	}
	var transitions atomic.Int64
	var wg sync.WaitGroup
	for _, p := range permits {
		wg.Go(func() {
			if _, changed := b.Done(p, Failure, t0); changed {
				transitions.Add(1)
			}
		})
	}
	wg.Wait()
	if transitions.Load() != 1 || b.State() != Open {
		t.Errorf("%d transitions and %v, want 1 and open", transitions.Load(), b.State())
	}
}

func TestAllowAndDoneDoNotAllocate(t *testing.T) {
	closed := New(Config{})
	halfOpen := open(t, Config{Recovery: time.Second, Probes: 1})
	for _, b := range []*Breaker{closed, halfOpen} {
		n := testing.AllocsPerRun(100, func() {
			p, _, _ := b.Allow(at(1))
			q, _, _ := b.Allow(at(1))
			b.Done(q, Neutral, at(1))
			b.Done(p, Neutral, at(1))
		})
		if n != 0 {
			t.Errorf("%v: %v allocations for two attempts, want 0", b.State(), n)
		}
	}
}

func BenchmarkAllowDone(b *testing.B) {
	br := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		p, _, _ := br.Allow(t0)
		br.Done(p, Success, t0)
	}
}
