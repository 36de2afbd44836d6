package fapilog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// archived returns n records of several journals, levels and times.
func archived(n int) (records []sink.Record) {
	for i := range n {
		r := sink.Record{
			ID:    sink.ID{Seq: math.MaxUint64 - uint64(i)},
			Time:  time.Unix(0, int64(i)*1e15).UTC(),
			Level: slog.Level(i%5*4 - 8),
			JSON:  fmt.Appendf(nil, `{"n":%d , "password":"kept" }`, i),
		}
		r.ID.Journal[i%16] = byte(i)
		if i%7 == 0 {
			r.Time = time.Time{}
		}
		records = append(records, r)
	}
	return records
}

// each yields the records and before every one of those whose index is in damaged
// an error.
func each(records []sink.Record, damaged ...int) iter.Seq2[sink.Record, error] {
	return func(yield func(sink.Record, error) bool) {
		for i, r := range records {
			for _, d := range damaged {
				if i == d && !yield(sink.Record{}, fmt.Errorf("damage before %d", i)) {
					return
				}
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// replayTo returns a quiet configuration with these sinks.
func replayTo(sinks ...sink.Sink) (cfg Config) {
	for i, s := range sinks {
		cfg.Routes = append(cfg.Routes, Route{Name: string(rune('a' + i)), Sink: s})
	}
	cfg.Diagnostics = slog.New(slog.DiscardHandler)
	return cfg
}

// replayed fails the test unless the records are these, with all that they have.
func replayed(t *testing.T, got, want []sink.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		got[i].Time = got[i].Time.UTC()
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("record %d is %v %s, want %v %s", i, got[i], got[i].JSON, want[i], want[i].JSON)
		}
	}
}

func TestReplayedRecordsKeepIDTimeLevelAndBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		records := archived(5000)
		s, err := Replay(t.Context(), replayTo(&a, &b), each(records))
		if err != nil || !s.Complete() || s.Offered != 5000 {
			t.Errorf("%v; %+v", err, s)
		}
		replayed(t, a.Records(), records)
		replayed(t, b.Records(), records)
		if !a.Closed() || !b.Closed() {
			t.Error("a sink is open")
		}
	})
}

func TestReplayWaitsForASlowSinkRatherThanEvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &sinktest.Script{Then: sinktest.Slow(time.Second)}
		cfg := replayTo(slow)
		cfg.Journal, cfg.MaxRecord = journal.Config{MaxBytes: 8 << 10}, 1<<10
		records := archived(1000)
		s, err := Replay(t.Context(), cfg, each(records))
		if err != nil || !s.Complete() {
			t.Errorf("%v; %+v", err, s)
		}
		replayed(t, slow.Records(), records)
	})
}

func TestReplayHeedsLevelFilterAndFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spare sinktest.Memory
		down := &sinktest.Script{Then: sinktest.Fail(errDown)}
		cfg := replayTo(down, &spare)
		cfg.Routes[1].Standby = true
		cfg.Defaults.Breaker.Failures = 1
		cfg.Routes[0].Delivery = Delivery{Fallback: "b", Level: slog.LevelWarn}
		cfg.Routes[0].Filter = func(r sink.Record) bool { return r.ID.Seq%2 == 0 }
		records := archived(500)
		if _, err := Replay(t.Context(), cfg, each(records)); err != nil {
			t.Error(err)
		}
		var want []sink.Record
		for _, r := range records {
			if r.Level >= slog.LevelWarn && r.ID.Seq%2 == 0 {
				want = append(want, r)
			}
		}
		replayed(t, spare.Records(), want)
	})
}

func TestReplayGoesOnAfterErrorsAndReturnsTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		records := archived(10)
		s, err := Replay(t.Context(), replayTo(&m), each(records, 3, 5, 9))
		if err == nil || err.Error() != "damage before 3 (and 2 more)" || s.Offered != 10 {
			t.Errorf("%v; %+v", err, s)
		}
		replayed(t, m.Records(), records)
	})
}

func TestReplayEndsWithItsContext(t *testing.T) {
	for name, c := range map[string]struct {
		then    sinktest.Step
		journal int64
		left    bool
	}{
		"while a sink fails":             {sinktest.Fail(errDown), 0, true},
		"while a full journal must wait": {sinktest.Slow(9 * time.Second), 8 << 10, true},
		"while records are read":         {sinktest.OK(), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second/2) // between two records
				defer cancel()
				cfg := replayTo(&sinktest.Script{Then: c.then})
				cfg.Defaults.BatchRecords = 10
				if c.journal > 0 {
					cfg.Journal.MaxBytes, cfg.MaxRecord = c.journal, 1<<10
				}
				endless := func(yield func(sink.Record, error) bool) {
					for _, r := range archived(100_000) {
						if !c.left {
							time.Sleep(time.Second)
						}
						if !yield(r, nil) {
							return
						}
					}
				}
				began := time.Now()
				s, err := Replay(ctx, cfg, endless)
				if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				if took := time.Since(began); took > time.Minute+time.Second {
					t.Errorf("took %v", took)
				}
				if left := s.Sinks[0].Pending > 0; left != c.left {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestReplayWithADirectoryForItsJournalIsAMistake(t *testing.T) {
	cfg := replayTo(new(sinktest.Memory))
	cfg.Journal.Dir = t.TempDir()
	_, err := Replay(t.Context(), cfg, each(nil))
	var mistake *ConfigError
	if !errors.As(err, &mistake) || !strings.Contains(err.Error(), "Journal.Dir") {
		t.Error(err)
	}
}

func TestReplayWithoutSinksIsAMistake(t *testing.T) {
	if _, err := Replay(t.Context(), Config{}, each(archived(1))); err == nil {
		t.Error("no error")
	}
}

func TestRecordWrittenFromInsideAReplaysSinkIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *Replayer
		var inside error
		loop := sink.Func(func(ctx context.Context, batch []sink.Record) error {
			inside = r.Write(ctx, batch[0])
			return nil
		})
		r, err := NewReplayer(t.Context(), replayTo(loop))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Write(t.Context(), archived(1)[0]); err != nil {
			t.Error(err)
		}
		if err := r.Close(t.Context()); err != nil || !errors.Is(inside, ErrReentrant) || r.Stats().Refused != 1 {
			t.Errorf("%v; inside %v; %+v", err, inside, r.Stats())
		}
		if err := r.Write(t.Context(), archived(1)[0]); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func ExampleReplay() {
	records := func(yield func(sink.Record, error) bool) {
		yield(sink.Record{ID: sink.ID{Seq: 7}, Level: slog.LevelInfo, JSON: []byte(`{"msg":"again"}`)}, nil)
	}
	show := sink.Func(func(_ context.Context, batch []sink.Record) error {
		for _, r := range batch {
			fmt.Println(r.ID, string(r.JSON))
		}
		return nil
	})
	stats, err := Replay(context.Background(), Config{Routes: []Route{{Sink: show}}}, records)
	fmt.Println(stats.Complete(), err)
	// Output:
	// 00000000000000000000000000000000-0000000000000007 {"msg":"again"}
	// true <nil>
}
