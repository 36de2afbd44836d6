package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
)

// What random schedules have found, each in its smallest form.

// beginWith opens a pipeline of routes whose diagnostics nobody reads.
func beginWith(t *testing.T, serial bool, routes ...Route) *Pipeline {
	t.Helper()
	p, err := New(t.Context(), Config{Routes: routes, Serial: serial, Diagnostics: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// endWith closes p and checks that the ledger closes.
func endWith(t *testing.T, p *Pipeline) Stats {
	t.Helper()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	s := p.Stats()
	for _, err := range checkRows(Stats{}, s) {
		t.Error(err)
	}
	return s
}

func logRecords(p *Pipeline, n int) {
	for i := range n {
		p.Logger().Info("m", "n", i)
	}
}

func TestErrorThatCannotBeReadIsAFailedAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nilError *sink.Error
		answers := []error{nilError, panickingUnwrap{}, panickingError{}}
		p := beginWith(t, false, Route{Sink: sink.Func(func(context.Context, []sink.Record) error {
			if len(answers) == 0 {
				return nil
			}
			err := answers[0]
			answers = answers[1:]
			return err
		})})
		logRecords(p, 1)
		time.Sleep(time.Minute)
		if row := endWith(t, p).Sinks[0]; row.Attempts != 4 || row.Failures != 3 || row.Delivered != 1 {
			t.Errorf("the ledger is %+v", row)
		}
	})
}

// opensAtOnce is a breaker that a single failure opens for a minute.
var opensAtOnce = breaker.Config{Failures: 1, Recovery: time.Minute}

func TestDivertedBatchLeavesTheOthersInTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := beginWith(t, false,
			Route{Name: "a", Sink: refusesAll(), Delivery: Delivery{InFlight: 3, BatchRecords: 1, Linger: -1, Breaker: opensAtOnce, Fallback: "b"}},
			Route{Name: "b", Sink: takesAll(), Standby: true})
		logRecords(p, 10)
		time.Sleep(30 * time.Second)
		if row := endWith(t, p).Sinks[0]; row.Diverted != 10 {
			t.Errorf("the ledger is %+v", row)
		}
	})
}

func TestDivertedBatchesKeepTheLimitsOfTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		most := 0
		p := beginWith(t, false,
			Route{Name: "a", Sink: refusesAll(), Delivery: Delivery{Breaker: opensAtOnce, Fallback: "b"}},
			Route{Name: "b", Standby: true, Delivery: Delivery{BatchRecords: 3}, Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
				most = max(most, len(batch))
				return nil
			})})
		logRecords(p, 10)
		time.Sleep(10 * time.Second)
		if s := endWith(t, p); most != 3 || s.Sinks[1].Delivered != 10 {
			t.Errorf("the largest batch has %d records, want 3; %+v", most, s.Sinks[1])
		}
	})
}

func TestSinkThatHasEndedMayAnswerForWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := beginWith(t, false, Route{
			Delivery: Delivery{InFlight: 2, BatchRecords: 1, Linger: -1},
			Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
				if batch[0].ID.Seq == 0 {
					return &sink.Error{Verdict: sink.Gone}
				}
				time.Sleep(time.Second)
				return nil
			}),
		})
		burst(p, 0, 2)
		time.Sleep(time.Minute)
		if row := endWith(t, p).Sinks[0]; row.Delivered != 1 || row.Dropped[DroppedGone] != 1 {
			t.Errorf("the ledger is %+v", row)
		}
	})
}

func TestAbandonedWriteOfTheFallbackKeepsItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var second atomic.Bool // Writes overlap
		changed := false
		p := beginWith(t, false,
			Route{Name: "a", Sink: refusesAll(), Delivery: Delivery{BatchRecords: 1, Linger: -1, Breaker: opensAtOnce, Fallback: "b"}},
			Route{Name: "b", Standby: true, Delivery: Delivery{InFlight: 2, Timeout: time.Second, RetryFor: 2 * time.Second, Breaker: breaker.Config{Off: true}},
				Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
					if !second.Swap(true) {
						sum := checksum(batch)
						<-release
						changed = checksum(batch) != sum
					}
					return nil
				})})
		for range 5 {
			logRecords(p, 1)
			time.Sleep(5 * time.Second)
		}
		close(release)
		synctest.Wait()
		if s := endWith(t, p); changed || s.Sinks[1].Dropped[DroppedExpired] != 1 {
			t.Errorf("the batch changed: %t; %+v", changed, s.Sinks[1])
		}
	})
}

func TestCancellingEndsACloseThatWaitsForASink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := beginWith(t, false, Route{Sink: hangingClose{release}})
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := p.Close(ctx)
		if took := time.Since(start); took > time.Second+100*time.Millisecond || err != nil {
			t.Errorf("Close took %v, %v", took, err)
		}
		close(release)
	})
}

func TestAttemptUnderWayDoesNotEndRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		underWay := make(chan struct{})
		var attempts []time.Duration // of the record that was throttled, after the first
		p := beginWith(t, false, Route{
			Delivery: Delivery{InFlight: 2, BatchRecords: 1, Linger: -1},
			Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
				switch at := time.Since(start); {
				case batch[0].ID.Seq > 0:
					close(underWay)
					time.Sleep(time.Second)
					return nil
				case at > 0:
					attempts = append(attempts, at)
					return nil
				}
				<-underWay
				return &sink.Error{Verdict: sink.Throttled, After: time.Minute}
			}),
		})
		logRecords(p, 2)
		time.Sleep(5 * time.Minute)
		endWith(t, p)
		if len(attempts) != 1 || attempts[0] < time.Minute || attempts[0] > 72*time.Second {
			t.Errorf("tried again after %v, want 1m0s to 1m12s", attempts)
		}
	})
}

func TestLoneLargeRecordKeepsTheLearntLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Int64
		p := beginWith(t, false, Route{Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
			if len(batch) > 4 || len(batch[0].JSON) > 500 {
				refused.Add(1)
				return &sink.Error{Verdict: sink.TooLarge}
			}
			return nil
		})})
		logRecords(p, 8)
		time.Sleep(10 * time.Second) // learns that eight are too many
		p.Logger().Info("m", "large", string(make([]byte, 600)))
		time.Sleep(10 * time.Second)
		refused.Store(0)
		logRecords(p, 8)
		time.Sleep(10 * time.Second)
		if endWith(t, p); refused.Load() != 0 {
			t.Errorf("%d batches were refused after the limit had been learnt", refused.Load())
		}
	})
}

func TestSerialSinkWithTwoInFlightWaitsForBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := sink.Func(func(ctx context.Context, _ []sink.Record) error { return wait(ctx, time.Second) })
		p := beginWith(t, true,
			Route{Sink: slow, Delivery: Delivery{InFlight: 2, BatchRecords: 1, Linger: -1}},
			Route{Sink: takesAll()})
		logRecords(p, 5)
		time.Sleep(time.Minute) // a loop that spins keeps the clock of the bubble from moving
		for _, row := range endWith(t, p).Sinks {
			if row.Delivered != 5 {
				t.Errorf("the ledger is %+v", row)
			}
		}
	})
}

func TestPingThatOutlivesCloseIsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := beginWith(t, false, Route{
			Sink:     hangingPing{release},
			Delivery: Delivery{Linger: -1, OnOpen: Skip, Breaker: breaker.Config{Failures: 1, Recovery: time.Second}},
		})
		logRecords(p, 1)
		time.Sleep(2 * time.Second)
		if row := endWith(t, p).Sinks[0]; row.Attempts != 1 || row.Failures != 1 {
			t.Errorf("the ledger has %d attempts, %d failed, want the one Write", row.Attempts, row.Failures)
		}
		close(release)
	})
}

func refusesAll() sink.Func {
	return func(context.Context, []sink.Record) error { return errors.New("down") }
}

func takesAll() sink.Func {
	return func(context.Context, []sink.Record) error { return nil }
}

type hangingClose struct{ release chan struct{} }

func (hangingClose) Write(context.Context, []sink.Record) error { return nil }
func (h hangingClose) Close() error                             { <-h.release; return nil }

type hangingPing struct{ release chan struct{} }

func (hangingPing) Write(context.Context, []sink.Record) error { return errors.New("down") }
func (h hangingPing) Ping(context.Context) error               { <-h.release; return nil }
func (hangingPing) Close() error                               { return nil }
