package fapilog

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// counted fails the test unless the results of a closed pipeline with a journal
// in memory are those of its attempts.
func counted(t testing.TB, p *Pipeline) {
	t.Helper()
	for i, k := range p.Stats().Sinks {
		m := p.Metrics()[i]
		var attempts uint64
		for _, n := range m.Attempts {
			attempts += n
		}
		if m.Name != k.Name || attempts != k.Attempts || k.Attempts-m.Attempts[ResultDelivered] != k.Failures {
			t.Errorf("sink %s: results %v of sink %s, of %d attempts, %d failures", k.Name, m.Attempts, m.Name, k.Attempts, k.Failures)
		}
		var writes uint64
		for _, n := range m.Write.Counts {
			writes += n
		}
		if want := attempts - m.Attempts[ResultStuck]; writes != want || len(m.Write.Counts) != len(m.Write.Bounds)+1 {
			t.Errorf("sink %s: %d durations of %d writes", k.Name, writes, want)
		}
	}
}

func TestEachResultOfAnAttemptIsCountedUnderItsName(t *testing.T) {
	for result, err := range map[Result]error{
		ResultDelivered: nil,
		ResultPartial:   &sink.Error{Items: []sink.ItemError{{Index: 1}}},
		ResultRetry:     errDown,
		ResultThrottled: &sink.Error{Verdict: sink.Throttled},
		ResultTooLarge:  &sink.Error{Verdict: sink.TooLarge},
		ResultRejected:  &sink.Error{Verdict: sink.Rejected},
		ResultPark:      &sink.Error{Verdict: sink.Park},
		ResultGone:      &sink.Error{Verdict: sink.Gone},
		ResultTimeout:   fmt.Errorf("post: %w", context.DeadlineExceeded),
		ResultStuck:     errStuck,
	} {
		if got := resultOf(err, 2); got != result {
			t.Errorf("%v is %s, want %s", err, got, result)
		}
		if !slices.Contains(Results(), result) {
			t.Errorf("%s is not among the results", result)
		}
	}
	for _, err := range []error{
		&sink.Error{Items: []sink.ItemError{{Index: 2}}}, // of a record that is not there
		&sink.Error{Err: errDown, Verdict: 99},
		panicking{},
	} {
		if got := resultOf(err, 2); got != ResultRetry {
			t.Errorf("%T is %s, want retry", err, got)
		}
	}
}

// panicking is an error whose methods panic.
type panicking struct{}

func (panicking) Error() string   { panic("Error") }
func (panicking) Is(error) bool   { panic("Is") }
func (panicking) As(any) bool     { panic("As") }
func (panicking) Unwrap() []error { panic("Unwrap") }

func TestMetricsTellAttemptsTransitionsAndDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{
			sinktest.Slow(3 * time.Millisecond), sinktest.Fail(errDown), sinktest.Hang(), sinktest.OK(),
		}}
		p := open(t, Config{Defaults: Delivery{Breaker: breaker.Config{Failures: 2}, Linger: -1}}, s)
		for n := range 2 {
			log(p, n, 1)
			time.Sleep(2 * time.Minute)
		}
		delivers(t, p)
		counted(t, p)
		m := p.Metrics()[0]
		if want := map[Result]uint64{ResultDelivered: 2, ResultRetry: 1, ResultTimeout: 1}; !maps.Equal(m.Attempts, want) {
			t.Errorf("attempts %v, want %v", m.Attempts, want)
		}
		if want := map[Change]uint64{{breaker.Closed, breaker.Open}: 1, {breaker.Open, breaker.HalfOpen}: 1, {breaker.HalfOpen, breaker.Closed}: 1}; !maps.Equal(m.Transitions, want) {
			t.Errorf("transitions %v, want %v", m.Transitions, want)
		}
		if m.Write.Sum != 10*time.Second+3*time.Millisecond || m.Write.Counts[2] != 1 || m.Write.Counts[12] != 1 || m.Write.Counts[0] != 2 {
			t.Errorf("durations %+v: want two below 100µs, 3ms, and the timeout of 10s", m.Write)
		}
	})
}

func TestMetricsOfEverySicknessAddUp(t *testing.T) {
	for _, test := range sicknesses {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sick := &sinktest.Script{Then: test.fault}
				defer sick.Release()
				p := open(t, Config{Defaults: Delivery{BatchRecords: 50}}, sick)
				burst(p, 0, 200)
				time.Sleep(5 * time.Minute)
				_ = p.Close(limit(t, 3*time.Second))
				balanced(t, p)
				counted(t, p)
			})
		})
	}
}

func TestStateFollowsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{}, &sinktest.Script{Then: sinktest.Fail(errDown)})
		log(p, 0, 1)
		states := []State{p.State()}
		go func() { _ = p.Close(limit(t, 5*time.Second)) }()
		synctest.Wait()
		states = append(states, p.State())
		time.Sleep(6 * time.Second)
		if states = append(states, p.State()); !slices.Equal(states, []State{StateOpen, StateClosing, StateClosed}) {
			t.Errorf("states %v", states)
		}
	})
}

func TestLevelOfASinkCanBeChangedAndBroughtBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		p := open(t, Config{Level: slog.LevelWarn, Defaults: Delivery{Linger: -1}}, &a, &b)
		say := func() {
			p.Logger().Debug("debug")
			synctest.Wait()
		}
		say()
		for _, level := range []slog.Leveler{slog.LevelDebug, new(slog.LevelVar), nil} {
			if err := p.SetLevel("b", level); err != nil {
				t.Fatal(err)
			}
			say()
		}
		var dynamic slog.LevelVar
		if err := p.SetLevel("b", &dynamic); err != nil {
			t.Fatal(err)
		}
		dynamic.Set(slog.LevelDebug)
		say()
		if a.Len() != 0 || b.Len() != 2 {
			t.Errorf("the sinks have %d and %d records, want 0 and 2", a.Len(), b.Len())
		}
		m := p.Metrics()
		if m[0].Level != slog.LevelWarn || m[1].Level != slog.LevelDebug {
			t.Errorf("the levels are %v and %v", m[0].Level, m[1].Level)
		}
		delivers(t, p)
	})
}

func TestSetLevelSaysWhatIsWrong(t *testing.T) {
	p := open(t, Config{Routes: []Route{{Name: "spare", Sink: new(sinktest.Memory), Standby: true}}, Defaults: Delivery{Fallback: "spare"}}, new(sinktest.Memory))
	for name, want := range map[string]string{
		"x":     `fapilog: no sink is named "x"; there are a`,
		"spare": "fapilog: sink spare is a standby, which has no level",
	} {
		if err := p.SetLevel(name, slog.LevelInfo); err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.SetLevel("a", (*slog.LevelVar)(nil)); err == nil {
		t.Error("a nil LevelVar is accepted: asking it panics")
	}
}

func TestAttributesOfALineStandBehindItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a sinktest.Memory
		p := open(t, Config{MaxRecord: 1 << 10}, &a)
		long := make([]byte, 4<<10)
		for i := range long {
			long[i] = 'x'
		}
		for _, line := range []string{"plain", `{"msg":"object"}`, string(long)} {
			if err := p.WriteLine(t.Context(), []byte(line), int64(len(line)), slog.String("stream", "stderr"), slog.String("token", "t")); err != nil {
				t.Error(err)
			}
		}
		delivers(t, p)
		var got []string
		for _, r := range a.Records() {
			s := string(r.JSON)
			got = append(got, s[max(0, len(s)-80):])
		}
		if len(got) != 3 || !strings.HasSuffix(got[0], `"msg":"plain","stream":"stderr","token":"***"}`) || got[1] != `{"msg":"object"}` ||
			!strings.HasSuffix(got[2], `x","stream":"stderr","token":"***","truncated":true,"original_size":4096}`) {
			t.Errorf("records end in %q", got)
		}
	})
}
