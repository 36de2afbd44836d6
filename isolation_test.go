package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// sicknesses are the ways in which a sink fails.
var sicknesses = []struct {
	name  string
	fault sinktest.Step
}{
	{"hangs until its deadline", sinktest.Hang()},
	{"hangs for ever", sinktest.Stuck()},
	{"panics", sinktest.Panic("boom")},
	{"ends its goroutine", sinktest.Goexit()},
	{"always fails", sinktest.Fail(errDown)},
	{"takes 10 records a second", sinktest.Slow(5 * time.Second)}, // batches of 50
	{"is throttled", sinktest.Verdict(sink.Throttled, time.Minute)},
	{"refuses everything", sinktest.Verdict(sink.Rejected, 0)},
	{"is parked", sinktest.Verdict(sink.Park, 0)},
	{"is gone", sinktest.Verdict(sink.Gone, 0)},
}

func TestSinkFailureIsolation(t *testing.T) {
	for _, test := range sicknesses {
		t.Run("beside a sink that "+test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sick := &sinktest.Script{Then: test.fault}
				defer sick.Release()
				var first, second sinktest.Memory
				p := open(t, Config{Defaults: Delivery{BatchRecords: 50}}, &first, sick, &second)
				start := time.Now()
				for i := range 20 {
					burst(p, i*50, 50)
					synctest.Wait() // every goroutine is idle or stuck
					if first.Len() != 50*(i+1) || second.Len() != 50*(i+1) || time.Since(start) != 0 {
						t.Fatalf("the healthy sinks have %d and %d of %d records after %v", first.Len(), second.Len(), 50*(i+1), time.Since(start))
					}
				}
				burst(p, 1000, 1)
				time.Sleep(5 * time.Millisecond) // their linger
				synctest.Wait()
				holds(t, "a", &first, upTo(1001))
				holds(t, "c", &second, upTo(1001))

				time.Sleep(10 * time.Minute)
				balanced(t, p)
				start = time.Now()
				err := p.Close(limit(t, 3*time.Second))
				if took := time.Since(start); took > 3*time.Second+100*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
				namesWhatIsLeft(t, p, err)
			})
		})
	}
}

// namesWhatIsLeft fails the test unless err, of Close, is what the ledger says.
func namesWhatIsLeft(t *testing.T, p *Pipeline, err error) {
	t.Helper()
	var want []Undelivered
	for _, k := range balanced(t, p).Sinks {
		if k.Pending > 0 {
			want = append(want, Undelivered{k.Name, k.Pending, k.LastError})
		}
	}
	left, _ := errors.AsType[*UndeliveredError](err)
	switch {
	case want == nil && err != nil:
		t.Errorf("Close returned %v with nothing left", err)
	case want != nil && (left == nil || len(left.Sinks) != len(want)):
		t.Errorf("Close returned %v, want %v", err, want)
	}
	for i := range want {
		if left != nil && i < len(left.Sinks) && left.Sinks[i] != want[i] {
			t.Errorf("Close names %+v, want %+v", left.Sinks[i], want[i])
		}
	}
}

func TestOneSinkFailsOthersContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sinks [3]sinktest.Memory
		bad := &sinktest.Script{Then: sinktest.Fail(errDown)}
		p := open(t, Config{}, &sinks[0], bad, &sinks[1], &sinks[2])
		for n := range 100 {
			log(p, n, 1)
			time.Sleep(time.Second)
		}
		for i := range sinks {
			holds(t, "healthy", &sinks[i], upTo(100))
		}
		if k := row(t, p, "b"); k.Delivered != 0 || k.Pending != 100 || k.LastError != errDown.Error() {
			t.Errorf("%+v", k)
		}
	})
}

func TestParallelFanoutIsolatesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func() *sinktest.Script { return &sinktest.Script{Then: sinktest.Slow(100 * time.Millisecond)} }
		a, c := slow(), slow()
		p := open(t, Config{Defaults: Delivery{BatchRecords: 10, RetryBase: time.Hour, RetryMax: time.Hour}},
			a, sink.Func(func(context.Context, []sink.Record) error { panic("boom") }), c)
		start := time.Now()
		burst(p, 0, 10)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		for name, s := range map[string]*sinktest.Script{"a": a, "c": c} {
			if at := s.Attempts()[0].End.Sub(start); at != 100*time.Millisecond || row(t, p, name).Delivered != 10 {
				t.Errorf("sink %s is done after %v, want 100ms", name, at)
			}
		}
		if k := row(t, p, "b"); k.Attempts != 1 || k.Pending != 10 || k.LastError != "panic: boom" {
			t.Errorf("%+v", k)
		}
	})
}

func TestBurstDuringALingerNeitherWaitsNorOverflows(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		n    int
	}{
		{"more than a batch", Config{}, 10_500},
		{"more bytes than a batch", Config{Defaults: Delivery{BatchBytes: 10_000, BatchRecords: 1e6}}, 10_500},
		{"more than the journal, which blocks", Config{
			Defaults:  Delivery{OnFull: Block, BatchRecords: 1e6, BatchBytes: 1 << 30},
			MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 64 << 10},
		}, 10_500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.cfg.Defaults.Linger = time.Second
				s := &sinktest.Script{}
				p := open(t, test.cfg, s)
				start := time.Now()
				log(p, 0, 1)
				time.Sleep(500 * time.Millisecond)
				if s.Len() != 0 {
					t.Errorf("%d records after half the linger", s.Len())
				}
				log(p, 1, test.n-1)
				synctest.Wait()
				if took := time.Since(start); took != 500*time.Millisecond {
					t.Errorf("the burst took %v", took-500*time.Millisecond)
				}
				if s.Len() == 0 {
					t.Error("nothing of the burst is delivered before the linger's end")
				}
				time.Sleep(time.Second)
				synctest.Wait()
				holds(t, "a", s, upTo(test.n))
				if k := row(t, p, "a"); len(k.Dropped) > 0 {
					t.Errorf("%+v", k)
				}
			})
		})
	}
}

func TestRecordWaitsForTheLingerAndNoLonger(t *testing.T) {
	for _, linger := range []time.Duration{-1, 5 * time.Millisecond, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := new(sinktest.Script)
			p := open(t, Config{Defaults: Delivery{Linger: linger}}, s)
			start := time.Now()
			log(p, 0, 1)
			time.Sleep(2 * time.Hour)
			log(p, 1, 1) // after a pause the linger begins anew
			time.Sleep(2 * time.Hour)
			wait := max(linger, 0)
			at := begun(start, s.Attempts())
			if len(at) != 2 || at[0] != wait || at[1] != 2*time.Hour+wait {
				t.Errorf("with a linger of %v the attempts began at %v", linger, at)
			}
			delivers(t, p)
		})
	}
}

// The journal notes only now and then when something was appended.
func TestEveryRecordWaitsForTheSameLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(sinktest.Script)
		p := open(t, Config{Defaults: Delivery{Linger: time.Second}}, s)
		log(p, 0, 100)
		time.Sleep(10 * time.Second)
		start := time.Now()
		for n := range 100 {
			log(p, 100+n, 1)
			time.Sleep(7 * time.Second)
		}
		for n, at := range begun(start, s.Attempts()[1:]) {
			if want := time.Duration(n)*7*time.Second + time.Second; at != want {
				t.Fatalf("record %d is delivered at %v, want %v", n, at, want)
			}
		}
		holds(t, "a", s, upTo(200))
	})
}

func TestCallerIsNotHeldUpBySinks(t *testing.T) {
	for _, test := range sicknesses {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sick := &sinktest.Script{Then: test.fault}
				defer sick.Release()
				p := open(t, Config{MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 64 << 10}}, sick)
				start := time.Now()
				for range 10 { // the journal's size many times over
					log(p, 0, 1000)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("10,000 calls took %v", took)
				}
				time.Sleep(time.Hour)
				balanced(t, p)
			})
		})
	}
}

func TestPanickingFilterLetsTheRecordPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard events
		var a, b sinktest.Memory
		p := open(t, Config{OnEvent: heard.note, Routes: []Route{
			{Name: "a", Sink: &a, Filter: func(r sink.Record) bool { panic("in the filter") }},
			{Name: "b", Sink: &b},
		}})
		log(p, 0, 3)
		delivers(t, p)
		holds(t, "a", &a, upTo(3))
		holds(t, "b", &b, upTo(3))
		if e := heard.of(EventPanic); len(e) != 3 || e[0].Err != "filter: panic: in the filter" || e[0].Sink != "a" {
			t.Errorf("%+v", e)
		}
	})
}

func TestHangingFilterHoldsUpOnlyItsOwnSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		defer close(free)
		var a, b sinktest.Memory
		p := open(t, Config{Routes: []Route{
			{Name: "a", Sink: &a, Filter: func(r sink.Record) bool { <-free; return true }},
			{Name: "b", Sink: &b},
		}})
		log(p, 0, 3)
		time.Sleep(time.Second)
		holds(t, "b", &b, upTo(3))
		start := time.Now()
		err := p.Close(limit(t, time.Second))
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		namesWhatIsLeft(t, p, err)
		if err == nil || !b.Closed() {
			t.Errorf("Close returned %v; b closed: %t", err, b.Closed())
		}
	})
}

func TestMutedLevelCostsNothing(t *testing.T) {
	var m sinktest.Memory
	p := open(t, Config{Level: slog.LevelWarn}, &m)
	l := p.Logger()
	if n := testing.AllocsPerRun(100, func() { l.Info("x") }); n != 0 || p.Stats().Offered != 0 {
		t.Errorf("%v allocations, %d records offered", n, p.Stats().Offered)
	}
}
