package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
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

// moody is a Leveler that panics once it is asked a second time.
type moody struct{ asked int }

func (m *moody) Level() slog.Level {
	if m.asked++; m.asked > 1 {
		panic("no level today")
	}
	return slog.LevelInfo
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
