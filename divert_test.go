package fapilog

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// once opens at the first failure, for half a minute.
var once = breaker.Config{Failures: 1, Recovery: 30 * time.Second}

// to is the delivery of a sink that diverts to another.
func to(name string) Delivery { return Delivery{Fallback: name, Breaker: once, BatchRecords: 10} }

// noneTwice fails the test if a sink was given a record twice.
func noneTwice(t *testing.T, name string, s interface{ Records() []sink.Record }) {
	t.Helper()
	seen := make(map[sink.ID]int)
	for _, r := range s.Records() {
		if seen[r.ID]++; seen[r.ID] == 2 {
			t.Errorf("sink %s has %s twice", name, r.JSON)
		}
	}
}

func TestStandbyReceivesOnlyWhatIsDiverted(t *testing.T) {
	for _, inFlight := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			primary := failing(1)
			var standby sinktest.Memory
			d := to("standby")
			d.InFlight = inFlight
			p := open(t, Config{Routes: []Route{
				{Name: "primary", Sink: primary, Delivery: d},
				{Name: "standby", Sink: &standby, Standby: true},
			}})
			constant(p, 0)
			burst(p, 0, 10)
			synctest.Wait()
			burst(p, 10, 30)
			time.Sleep(29 * time.Second)
			if k := row(t, p, "primary"); k.Diverted != 40 || k.Delivered != 0 || k.Pending != 0 {
				t.Errorf("%+v", k)
			}
			if k := row(t, p, "standby"); k.Appended != 40 || k.Delivered != 40 {
				t.Errorf("%+v", k)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if n := len(primary.Attempts()); n != 1 {
				t.Errorf("%d attempts without a record to try", n)
			}
			burst(p, 40, 10) // the probe
			delivers(t, p)
			holds(t, "primary", primary, span(40, 10))
			got := numbers(t, standby.Records())
			slices.Sort(got)
			if !slices.Equal(got, upTo(40)) {
				t.Errorf("standby has %v", got)
			}
			if !p.Stats().Complete() {
				t.Errorf("%+v", p.Stats())
			}
		})
	}
}

// A fallback that reads the journal itself writes of the diverted records only
// those that are not for it anyway.
func TestRecordReachesAFallbackThatAlsoReadsItOnce(t *testing.T) {
	even := func(r sink.Record) bool { return r.ID.Seq%2 == 0 }
	tests := []struct {
		name         string
		level        slog.Leveler // the fallback's
		filter       func(sink.Record) bool
		primaryLevel slog.Leveler
		in           uint64 // records diverted that the fallback's own cursor does not carry
		filtered     uint64
	}{
		{name: "the fallback reads everything", in: 0},
		{name: "the fallback reads warnings", level: slog.LevelWarn, in: 20, filtered: 20},
		{name: "the fallback reads every second record", filter: even, in: 20, filtered: 20},
		{name: "the fallback reads every second warning", level: slog.LevelWarn, filter: even, in: 30, filtered: 30},
		{name: "the fallback reads nothing", level: slog.LevelError, in: 40, filtered: 40},
		{name: "the primary reads warnings", primaryLevel: slog.LevelWarn, in: 0},
		{name: "both read warnings", level: slog.LevelWarn, primaryLevel: slog.LevelWarn, in: 0, filtered: 20},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fallback sinktest.Memory
				primary := to("fallback")
				primary.Level = test.primaryLevel
				p := open(t, Config{Routes: []Route{
					{Name: "primary", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: primary},
					{Name: "fallback", Sink: &fallback, Filter: test.filter, Delivery: Delivery{Level: test.level}},
					{Name: "third", Sink: new(sinktest.Memory)},
				}})
				for n := range 40 {
					level := slog.LevelInfo
					if n%4 >= 2 {
						level = slog.LevelWarn
					}
					p.Logger().Log(t.Context(), level, "x", "n", n)
					if n%7 == 0 {
						time.Sleep(time.Second)
					}
				}
				time.Sleep(10 * time.Second)
				noneTwice(t, "fallback", &fallback)
				own, first := row(t, p, "fallback"), row(t, p, "primary")
				if own.Appended != 40+test.in || own.Filtered != test.filtered || own.Delivered != 40 && test.primaryLevel == nil {
					t.Errorf("fallback: %+v", own)
				}
				if first.Diverted+first.Filtered != 40 || first.Pending != 0 {
					t.Errorf("primary: %+v", first)
				}
				delivers(t, p)
			})
		})
	}
}

func TestDiversionGoesOnAlongAChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &sinktest.Script{Then: sinktest.Fail(errDown)}, &sinktest.Script{Then: sinktest.Fail(errDown)}
		var c sinktest.Memory
		p := open(t, Config{Routes: []Route{
			{Name: "a", Sink: a, Delivery: to("b")},
			{Name: "b", Sink: b, Delivery: to("c"), Filter: func(r sink.Record) bool { return r.ID.Seq >= 20 }},
			{Name: "c", Sink: &c, Standby: true},
		}})
		burst(p, 0, 40)
		time.Sleep(20 * time.Second)
		noneTwice(t, "c", &c)
		if c.Len() != 40 {
			t.Errorf("c has %d records", c.Len())
		}
		if k := row(t, p, "a"); k.Diverted != 40 {
			t.Errorf("%+v", k)
		}
		if k := row(t, p, "b"); k.Appended != 60 || k.Filtered != 20 || k.Diverted != 40 {
			t.Errorf("%+v", k)
		}
		if k := row(t, p, "c"); k.Appended != 40 || k.Delivered != 40 {
			t.Errorf("%+v", k)
		}
		delivers(t, p)
	})
}

// The last of a chain carries the records itself: until it has them none is diverted,
// along the whole chain.
func TestChainWaitsForWhatItsLastReadsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := &sinktest.Script{Then: sinktest.Slow(5 * time.Second)}
		p := open(t, Config{Routes: []Route{
			{Name: "a", Sink: down(), Delivery: to("b")},
			{Name: "b", Sink: down(), Standby: true, Delivery: to("c")},
			{Name: "c", Sink: last, Delivery: Delivery{Linger: time.Hour}},
		}})
		burst(p, 0, 10)
		for _, test := range []struct {
			wait     time.Duration
			diverted uint64
		}{{5*time.Second - 1, 0}, {1, 10}} {
			time.Sleep(test.wait)
			synctest.Wait()
			for _, name := range []string{"a", "b"} {
				if k := row(t, p, name); k.Diverted != test.diverted || k.Pending != 10-test.diverted {
					t.Errorf("want %d diverted: %+v", test.diverted, k)
				}
			}
		}
		holds(t, "c", last, upTo(10))
	})
}

func TestPrimaryWaitsForItsFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary := failing(1)
		fallback := &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(errDown), sinktest.Slow(5 * time.Second)}}
		d := to("fallback")
		d.Breaker.Recovery = time.Hour
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: primary, Delivery: d},
			{Name: "fallback", Sink: fallback, Standby: true, Delivery: Delivery{RetryBase: 2 * time.Second}},
		}})
		constant(p, 0.5) // the fallback's retry comes after a second
		start := time.Now()
		burst(p, 0, 10)
		synctest.Wait()
		if err := p.Flush(limit(t, time.Minute)); err != nil || time.Since(start) != 6*time.Second {
			t.Errorf("Flush returned %v after %v, want nil after 6s", err, time.Since(start))
		}
		if k := row(t, p, "primary"); k.Diverted != 10 {
			t.Errorf("%+v", k)
		}
		holds(t, "fallback", fallback, upTo(10))
	})
}

// What the fallback's own cursor carries is waited for as well, and does not
// linger there.
func TestPrimaryWaitsForWhatItsFallbackReadsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fallback := &sinktest.Script{Then: sinktest.Slow(5 * time.Second)}
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: to("fallback")},
			{Name: "fallback", Sink: fallback, Delivery: Delivery{Linger: time.Hour}},
		}})
		burst(p, 0, 10)
		time.Sleep(5*time.Second - 1)
		if k := row(t, p, "primary"); k.Diverted != 0 || k.Pending != 10 {
			t.Errorf("%+v", k)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if k := row(t, p, "primary"); k.Diverted != 10 || k.Pending != 0 {
			t.Errorf("%+v", k)
		}
		holds(t, "fallback", fallback, upTo(10))
	})
}

// Diverted batches are written by the fallback when its own breaker lets them.
func TestFallbackIsDownItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary, fallback := &sinktest.Script{Then: sinktest.Fail(errDown)}, failing(8)
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: primary, Delivery: to("fallback")},
			{Name: "fallback", Sink: fallback, Standby: true, Delivery: Delivery{Breaker: breaker.Config{Failures: 4}}},
		}})
		burst(p, 0, 100)
		time.Sleep(29 * time.Second)
		if k := row(t, p, "fallback"); k.Circuit != breaker.Open || k.Attempts != 4 || k.Pending != 10 {
			t.Errorf("%+v", k)
		}
		if k := row(t, p, "primary"); k.Pending != 100 || k.Diverted != 0 {
			t.Errorf("%+v", k)
		}
		time.Sleep(10 * time.Minute)
		noneTwice(t, "fallback", fallback)
		if k := row(t, p, "primary"); k.Pending != 0 || k.Diverted != 100 || fallback.Len() != 100 {
			t.Errorf("the fallback has %d: %+v", fallback.Len(), k)
		}
	})
}

func TestPrimaryRecoversWhileItsFallbackWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary := failing(1)
		fallback := &sinktest.Script{Then: sinktest.Slow(8 * time.Second)}
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: primary, Delivery: to("fallback")},
			{Name: "fallback", Sink: fallback, Standby: true},
		}})
		start := time.Now()
		burst(p, 0, 100)
		time.Sleep(2 * time.Minute)
		delivers(t, p)
		// The fallback has the first batches at 8, 16, 24 s; the fourth is on its
		// way there when the circuit half-opens, and the fifth is the probe.
		if at := begun(start, fallback.Attempts()); !slices.Equal(at, []time.Duration{0, 8 * time.Second, 16 * time.Second, 24 * time.Second}) {
			t.Errorf("the fallback wrote at %v", at)
		}
		if at := begun(start, primary.Attempts()); len(at) != 7 || at[1] != 30*time.Second {
			t.Errorf("the primary wrote at %v", at)
		}
		holds(t, "fallback", fallback, upTo(40))
		holds(t, "primary", primary, span(40, 60))
	})
}

// Two sinks divert to a third, which has as many records of its own.
func TestDivertedBatchesAndTheJournalsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := func(k uint64) func(sink.Record) bool { return func(r sink.Record) bool { return r.ID.Seq%3 == k } }
		down := &sinktest.Script{Then: sinktest.Fail(errDown)}
		third := &sinktest.Script{Then: sinktest.Slow(time.Second)}
		p := open(t, Config{Routes: []Route{
			{Name: "first", Sink: down, Filter: of(0), Delivery: to("third")},
			{Name: "second", Sink: sink.Func(down.Write), Filter: of(1), Delivery: to("third")},
			{Name: "third", Sink: third, Filter: of(2), Delivery: Delivery{BatchRecords: 10}},
		}})
		burst(p, 0, 180)
		time.Sleep(20 * time.Second)
		var turns strings.Builder
		for _, a := range third.Attempts() {
			if len(a.Records) > 0 && of(2)(a.Records[0]) {
				turns.WriteByte('o')
			} else {
				turns.WriteByte('d')
			}
		}
		if got := turns.String(); got != strings.Repeat("od", 10) {
			t.Errorf("own batches and diverted ones: %s", got)
		}
	})
}

func TestPingClosesTheCircuitOfADivertingSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary := new(sinktest.Pinging)
		primary.Steps = []sinktest.Step{sinktest.Fail(errDown)}
		var fallback sinktest.Memory
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: primary, Delivery: to("fallback")},
			{Name: "fallback", Sink: &fallback, Standby: true},
		}})
		burst(p, 0, 10)
		time.Sleep(31 * time.Second)
		if k := row(t, p, "primary"); k.Circuit != breaker.Closed || k.Attempts != 1 {
			t.Errorf("%+v", k)
		}
		burst(p, 10, 10)
		delivers(t, p)
		holds(t, "fallback", &fallback, upTo(10))
		holds(t, "primary", primary, span(10, 10))
	})
}
