package fapilog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestFilterThatEndsItsGoroutineLetsTheRecordThrough(t *testing.T) {
	for _, serial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var filtered, other sinktest.Memory
			filter := func(r sink.Record) bool {
				switch n := numbers(t, []sink.Record{r})[0]; {
				case n%5 == 0:
					runtime.Goexit()
				case n%5 == 1:
					panic("odd one")
				case n%5 == 2:
					return false
				}
				return true
			}
			p := open(t, Config{Serial: serial, Routes: []Route{{Name: "filtered", Sink: &filtered, Filter: filter}}}, &other)
			log(p, 0, 10)
			delivers(t, p)
			holds(t, "filtered", &filtered, []int{0, 1, 3, 4, 5, 6, 8, 9})
			holds(t, "other", &other, upTo(10))
			if k := row(t, p, "filtered"); k.Filtered != 2 || k.Delivered != 8 {
				t.Errorf("%+v", k)
			}
		})
	}
}

// A filter, and a quarantine whose disk is slow, take their time beside the attempts':
// none begins with less than its time-out.
func TestTimeInAFilterIsNotTheAttempts(t *testing.T) {
	for _, serial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const timeout, slow = time.Second, 2 * time.Second
			var had []time.Duration // left when a Write began
			s := sink.Func(func(ctx context.Context, _ []sink.Record) error {
				deadline, _ := ctx.Deadline()
				had = append(had, time.Until(deadline))
				return nil
			})
			filter := func(sink.Record) bool { time.Sleep(slow); return true }
			p := open(t, Config{Serial: serial, Routes: []Route{{Name: "a", Sink: s, Filter: filter, Delivery: Delivery{Timeout: timeout, BatchRecords: 2}}}})
			burst(p, 0, 6)
			if err := p.Flush(limit(t, time.Minute)); err != nil || !slices.Equal(had, []time.Duration{timeout, timeout, timeout}) {
				t.Errorf("Flush: %v; the attempts began with %v", err, had)
			}
			for _, m := range p.Metrics() {
				if m.Write.Sum != 0 {
					t.Errorf("Writes that returned at once took %v", m.Write.Sum)
				}
			}
			burst(p, 6, 2)
			synctest.Wait() // the filter is at it
			start := time.Now()
			err := p.Close(limit(t, 3*time.Second)) // the filter takes four
			if left, ok := errors.AsType[*UndeliveredError](err); !ok || left.Sinks[0].Pending != 2 || time.Since(start) > 3*time.Second+100*time.Millisecond {
				t.Errorf("Close returned %v after %v", err, time.Since(start))
			}
			time.Sleep(time.Minute)
			if k := row(t, p, "a"); k.Attempts != 3 || k.Failures != 0 {
				t.Errorf("an attempt without time: %+v", k)
			}
		})
	}
}

// What a step is told later knows what the step has taken until then.
func TestStepLooksAtTheClockAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Defaults: Delivery{BatchRecords: 1}}, new(sinktest.Memory))
		start, told := time.Now(), time.Time{}
		d := p.deliveries[0]
		d.post(func(time.Time) {
			time.Sleep(2 * time.Second)
			log(p, 0, 1) // so that the step goes on
			d.post(func(now time.Time) { told = now })
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := told.Sub(start); got != 2*time.Second {
			t.Errorf("told at %v, want 2s", got)
		}
	})
}

func TestNoAttemptBeginsAfterTheDeadlineOfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sinktest.Script
		p := open(t, Config{}, &s)
		log(p, 0, 3)
		d := p.deliveries[0]
		d.post(func(now time.Time) { d.beginClosing(now) })
		synctest.Wait()
		if k := row(t, p, "a"); k.Attempts != 0 || k.Pending != 3 || len(s.Attempts()) > 0 {
			t.Errorf("%+v", k)
		}
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close returned %v", err)
		}
	})
}

// moody is a Leveler that panics once it is asked a second time.
type moody struct{ asked int }

func (m *moody) Level() slog.Level {
	if m.asked++; m.asked > 1 {
		panic("no level today")
	}
	return slog.LevelInfo
}

// leaving is a Leveler that ends its goroutine once it is asked a second time.
type leaving struct{ asked int }

func (l *leaving) Level() slog.Level {
	if l.asked++; l.asked > 1 {
		runtime.Goexit()
	}
	return slog.LevelInfo
}

// What a sink returns is the sink's code as well.
func TestErrorDisturbsItsOwnAttemptOnly(t *testing.T) {
	tests := []struct {
		name  string
		err   error
		first string // the last error after an hour
	}{
		{"its text panics", panickingError{}, "panic in Error: no text"},
		{"its text ends the goroutine", exitingError{}, "the sink ended its goroutine"},
		{"its text does not come", hangingError{}, "the previous write has not returned"},
		{"a record's text ends the goroutine", &sink.Error{Items: []sink.ItemError{{Err: exitingError{}, Verdict: sink.Rejected}}}, "the sink ended its goroutine"},
		{"its cause panics", panickingUnwrap{}, "unwrap panics"},
		{"its type ends the goroutine", exitingAs{}, "the sink ended its goroutine"},
		{"it is no answer", fmt.Errorf("post: %w", context.DeadlineExceeded), "post: context deadline exceeded"},
	}
	for _, test := range tests {
		for _, serial := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, serial %t", test.name, serial), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var good sinktest.Memory
					bad := sink.Func(func(context.Context, []sink.Record) error { return test.err })
					p := open(t, Config{Serial: serial}, bad, &good)
					log(p, 0, 3)
					time.Sleep(time.Hour)
					log(p, 3, 3)
					time.Sleep(time.Minute)
					holds(t, "good", &good, upTo(6))
					if k := row(t, p, "a"); k.Pending != 6 || k.Failures < 10 || k.LastError != test.first {
						t.Errorf("%+v", k)
					}
					_ = p.Close(t.Context())
					time.Sleep(1000 * time.Hour) // hangingError's has ended
				})
			})
		}
	}
}

// hangingError has no text while it is waited for.
type hangingError struct{}

func (hangingError) Error() string { time.Sleep(500 * time.Hour); return "" }

type exitingAs struct{}

func (exitingAs) Error() string { return "as exits" }
func (exitingAs) As(any) bool   { runtime.Goexit(); return false }

func TestPanicWhoseTextEndsTheGoroutineIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{}, sink.Func(func(context.Context, []sink.Record) error { panic(exitingError{}) }))
		log(p, 0, 1)
		time.Sleep(time.Minute)
		if k := row(t, p, "a"); k.Failures < 5 || k.LastError != "the sink ended its goroutine" {
			t.Errorf("%+v", k)
		}
	})
}

func TestLevelThatEndsItsGoroutineIsInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		p := open(t, Config{Serial: true, Routes: []Route{{Name: "leaving", Sink: &a, Delivery: Delivery{Level: &leaving{asked: 1}}}}}, &b)
		for _, line := range []string{`{"n":0}`, `{"n":1,"level":"debug"}`, `{"n":2,"level":"error"}`} {
			if err := p.WriteLine(context.Background(), []byte(line), int64(len(line))); err != nil {
				t.Fatal(err)
			}
		}
		delivers(t, p)
		holds(t, "leaving", &a, []int{0, 2})
		holds(t, "a", &b, []int{0, 2})
	})
}

func TestLevelThatPanicsIsInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a sinktest.Memory
		p := open(t, Config{Routes: []Route{{Name: "moody", Sink: &a, Delivery: Delivery{Level: &moody{asked: 1}}}}})
		for _, line := range []string{`{"n":0}`, `{"n":1,"level":"debug"}`, `{"n":2,"level":"error"}`} {
			if err := p.WriteLine(context.Background(), []byte(line), int64(len(line))); err != nil {
				t.Fatal(err)
			}
		}
		delivers(t, p)
		holds(t, "moody", &a, []int{0, 2})
	})
}

// unsteady is a Leveler that always panics.
type unsteady struct{}

func (unsteady) Level() slog.Level { panic("no level at all") }

func TestLevelThatPanicsDoesNotReachTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all, errors sinktest.Memory
		var panics int
		var atError slog.LevelVar
		atError.Set(slog.LevelError)
		p := open(t, Config{Level: unsteady{}, OnEvent: func(e Event) {
			if e.Kind == EventPanic && e.Sink == "all" {
				panics++
			}
		}, Routes: []Route{{Name: "all", Sink: &all}, {Name: "errors", Sink: &errors, Delivery: Delivery{Level: &atError}}}})
		logger := p.Logger()
		logger.Info("x", "n", 0)
		logger.Debug("x", "n", 1)
		p.Handler().LogAttrs(context.Background(), slog.LevelError, "x", slog.Int("n", 2))
		synctest.Wait()
		if panics != 3 {
			t.Errorf("%d panics were told, want one a call", panics)
		}
		delivers(t, p)
		holds(t, "all", &all, []int{0, 2})
		holds(t, "errors", &errors, []int{2})
	})
}

func TestLateAnswerCountsForTheRecordsItDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		var delivered []int
		slow := sink.Func(func(_ context.Context, batch []sink.Record) error {
			ns := numbers(t, batch)
			batches = append(batches, ns)
			if len(batches) > 1 {
				delivered = append(delivered, ns...)
				return nil
			}
			time.Sleep(11 * time.Second) // its deadline is after 10 s
			delivered = append(delivered, ns[0])
			return &sink.Error{Items: []sink.ItemError{{Index: 1, Err: errors.New("no time left")}}}
		})
		var cfg Config
		cfg.Defaults.Breaker.Off = true // it would open before the late answer
		p := open(t, cfg, slow)
		burst(p, 0, 2)
		time.Sleep(15 * time.Second)
		delivers(t, p)
		if len(batches) != 2 || len(batches[1]) != 1 || batches[1][0] != 1 {
			t.Errorf("batches %v, want [[0 1] [1]]", batches)
		}
		if k := row(t, p, "a"); k.Delivered != 2 || k.Circuit != 0 {
			t.Errorf("%+v", k)
		}
	})
}

func TestLineThatGrowsByItsMasksIsCutAndNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a sinktest.Memory
		p := open(t, Config{MaxRecord: 2 << 10, Journal: journal.Config{MaxBytes: 8 << 10}}, &a)
		line := "{" + strings.Repeat(`"pwd":7,`, 250) + `"n":1}`
		if err := p.WriteLine(context.Background(), []byte(line), int64(len(line))); err != nil {
			t.Fatal(err)
		}
		delivers(t, p)
		if records := a.Records(); len(records) != 1 || len(records[0].JSON) > 2<<10 || strings.Contains(string(records[0].JSON), "7,") {
			t.Errorf("%d records: %s", len(records), records[0].JSON)
		}
	})
}

func TestFlushAfterCloseLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{}, new(sinktest.Memory))
		if err := p.Close(limit(t, time.Second)); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := p.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(p.deliveries[0].posted); n > 0 {
			t.Errorf("%d requests that nobody will ever answer", n)
		}
	})
}

func TestStuckWriteFailsAttemptsAtAModestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Then: sinktest.Stuck()}
		defer s.Release()
		cfg := Config{Defaults: Delivery{RetryBase: 1, RetryMax: 1}} // no backoff to speak of
		cfg.Defaults.Breaker.Off = true
		p := open(t, cfg, s)
		log(p, 0, 1)
		time.Sleep(20 * time.Second) // the first 10 are the attempt's
		if k := row(t, p, "a"); k.Attempts < 100 || k.Attempts > 201 {
			t.Errorf("%d attempts in 10 s, want at most one in 50 ms", k.Attempts)
		}
	})
}

func TestOnEventThatEndsItsGoroutineHearsOfTheNextEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kinds []EventKind
		p := open(t, Config{OnEvent: func(e Event) {
			kinds = append(kinds, e.Kind)
			runtime.Goexit()
		}}, &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(errDown), sinktest.Fail(errDown)}})
		log(p, 0, 1)
		delivers(t, p)
		if err := p.Close(limit(t, time.Second)); err != nil {
			t.Fatal(err)
		}
		if len(kinds) != 2 {
			t.Errorf("OnEvent heard of %v, want 2 failures", kinds)
		}
	})
}

// vandal changes the batches that it is given, at once and again much later than it may,
// and fails with each.
func vandal(then time.Duration) sink.Func {
	return func(_ context.Context, batch []sink.Record) error {
		spoil := func() {
			for i := range batch {
				batch[i] = sink.Record{JSON: []byte("spoilt, and of another length")}
			}
		}
		spoil()
		time.Sleep(then)
		spoil()
		return errDown
	}
}

func TestSinkThatChangesItsBatchSpoilsNobodyElses(t *testing.T) {
	for _, then := range []time.Duration{0, time.Minute} { // in time, and when it has been abandoned
		synctest.Test(t, func(t *testing.T) {
			var spare, other sinktest.Memory
			d := to("spare")
			d.BatchRecords = 3
			p := open(t, Config{Routes: []Route{
				{Name: "vandal", Sink: vandal(then), Delivery: d},
				{Name: "spare", Sink: &spare, Standby: true},
				{Name: "other", Sink: &other},
			}})
			burst(p, 0, 10)
			time.Sleep(20 * time.Second)
			if k := row(t, p, "vandal"); k.Diverted != 10 || k.Pending != 0 || k.PendingBytes != 0 {
				t.Errorf("%+v", k)
			}
			holds(t, "spare", &spare, upTo(10))
			holds(t, "other", &other, upTo(10))
			time.Sleep(time.Hour)
			delivers(t, p)
		})
	}
}

// Each attempt has the batch as it was, and what is delivered is counted as it was.
func TestSinkThatChangesItsBatchIsGivenItAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a sinktest.Memory
		attempts := 0
		p := open(t, Config{}, sink.Func(func(ctx context.Context, batch []sink.Record) error {
			if attempts++; attempts < 3 {
				return vandal(0)(ctx, batch)
			}
			_ = a.Write(ctx, batch)
			_ = vandal(0)(ctx, batch)
			return nil
		}))
		burst(p, 0, 10)
		time.Sleep(time.Minute)
		holds(t, "a", &a, upTo(10))
		if k := row(t, p, "a"); k.Delivered != 10 || k.PendingBytes != 0 {
			t.Errorf("%+v", k)
		}
	})
}
