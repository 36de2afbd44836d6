package fapilog

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestLateNilCountsAsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Late(25*time.Second, nil)}}
		p := open(t, Config{Defaults: Delivery{BatchRecords: 10, RetryBase: 8 * time.Second}}, s)
		constant(p, 0.5)
		burst(p, 0, 20)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if k := row(t, p, "a"); k.Attempts != 1 || k.Failures != 1 || k.Pending != 20 || k.LastError != "no answer within 10s: context deadline exceeded" {
			t.Errorf("%+v", k)
		}
		time.Sleep(15*time.Second - 1) // attempts at 14 s and 22 s fail at once
		if n := len(s.Attempts()); n != 1 {
			t.Errorf("%d Writes while the first has not returned", n)
		}
		if k := row(t, p, "a"); k.Attempts != 3 || k.Failures != 3 || k.LastError != "the previous write has not returned" {
			t.Errorf("%+v", k)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		holds(t, "a", s, upTo(20))
		if k := row(t, p, "a"); k.Delivered != 20 || k.Attempts != 4 || k.Failures != 3 {
			t.Errorf("%+v", k)
		}
		apart(t, s.Attempts())
	})
}

func TestLateFailureIsNotCountedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Late(11*time.Second, errDown)}}
		p := open(t, Config{}, s)
		constant(p, 0.999)
		log(p, 0, 10)
		time.Sleep(time.Minute)
		holds(t, "a", s, upTo(10))
		if k := row(t, p, "a"); k.Attempts != uint64(k.Failures)+1 || len(s.Attempts()) != 2 {
			t.Errorf("%d Writes: %+v", len(s.Attempts()), k)
		}
		apart(t, s.Attempts())
	})
}

// A late answer belongs to an earlier term.
func TestLateNilDoesNotCloseTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Late(20*time.Second, nil)}}
		cfg := Delivery{BatchRecords: 1}
		cfg.Breaker.Failures = 1
		p := open(t, Config{Defaults: cfg}, s)
		log(p, 0, 2)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if k := row(t, p, "a"); k.Circuit != breaker.Open || k.Delivered != 1 || k.Pending != 1 {
			t.Errorf("%+v", k)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		holds(t, "a", s, upTo(2))
	})
}

func TestLateNilOfABatchOnItsWayThroughAnotherSinkDeliversNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: &sinktest.Script{Steps: []sinktest.Step{sinktest.Late(15*time.Second, nil)}}, Delivery: to("standby")},
			{Name: "standby", Sink: &sinktest.Script{Then: sinktest.Slow(9 * time.Second)}, Standby: true},
		}})
		burst(p, 0, 10)
		time.Sleep(16 * time.Second) // with the standby from the 10th to the 19th
		if k := row(t, p, "primary"); k.Delivered != 0 || k.Pending != 10 {
			t.Errorf("%+v", k)
		}
		time.Sleep(4 * time.Second)
		if k := row(t, p, "primary"); k.Delivered != 0 || k.Diverted != 10 {
			t.Errorf("%+v", k)
		}
		if k := row(t, p, "standby"); k.Delivered != 10 {
			t.Errorf("%+v", k)
		}
		delivers(t, p)
	})
}

// What a Write that was given up reads is still its batch, whatever has become
// of the records and however often the journal's memory was used since.
func TestAbandonedWriteMayReadItsBatchUntilItReturns(t *testing.T) {
	ways := []struct {
		name string
		to   func(d *Delivery)
	}{
		{"tried again", func(d *Delivery) {}},
		{"expired", func(d *Delivery) { d.RetryFor = 12 * time.Second }},
		{"skipped", func(d *Delivery) { d.OnOpen, d.Breaker.Failures = Skip, 1 }},
		{"diverted", func(d *Delivery) { d.Fallback, d.Breaker.Failures = "standby", 1 }},
		{"more in flight", func(d *Delivery) { d.InFlight = 3 }},
	}
	for _, way := range ways {
		for run := range 4 {
			t.Run(fmt.Sprint(way.name, " ", run), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					end := sinktest.Late(10*time.Second+time.Duration(run)*3*time.Second, nil)
					if run%2 == 1 {
						end = sinktest.Late(10*time.Second+time.Duration(run)*3*time.Second, errDown)
					}
					s := &sinktest.Script{Steps: []sinktest.Step{end, sinktest.OK(), end}}
					d := Delivery{BatchRecords: 50, Breaker: breaker.Config{Recovery: 5 * time.Second}}
					way.to(&d)
					routes := []Route{{Name: "s", Sink: s, Delivery: d}}
					if d.Fallback != "" {
						routes = append(routes, Route{Name: "standby", Sink: new(sinktest.Memory), Standby: true})
					}
					p := open(t, Config{Routes: routes, MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 16 << 10}})
					for n := range 60 {
						log(p, n*100, 100)
						time.Sleep(time.Second)
					}
					balanced(t, p)
					apart(t, s.Attempts())
				})
			})
		}
	}
}

// The diverted records lie in the memory of the sink that they come from.
func TestFallbacksAbandonedWriteMayReadItsBatchUntilItReturns(t *testing.T) {
	ways := map[string]Delivery{
		"skipped": {OnOpen: Skip, Breaker: breaker.Config{Failures: 1, Recovery: time.Hour}},
		"expired": {RetryFor: 15 * time.Second},
	}
	for name, d := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := &sinktest.Script{Then: sinktest.Fail(errDown)}
				last := &sinktest.Script{Steps: []sinktest.Step{sinktest.Stuck()}}
				defer last.Release()
				always := breaker.Config{Failures: 1, Recovery: time.Hour}
				p := open(t, Config{Routes: []Route{
					{Name: "a", Sink: first, Delivery: Delivery{Fallback: "b", Breaker: always}},
					{Name: "b", Sink: failing(100), Standby: true, Delivery: Delivery{Fallback: "c", Breaker: always}},
					{Name: "c", Sink: last, Standby: true, Delivery: d},
				}})
				for n := range 10 {
					log(p, n*10, 10)
					time.Sleep(20 * time.Second)
				}
				last.Release()
				synctest.Wait()
				apart(t, last.Attempts())
			})
		})
	}
}

func TestInFlightWritesOverlapAndAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{
			Answer: func(_ int, batch []sink.Record) sinktest.Step {
				if batch[0].ID.Seq == 0 {
					return sinktest.Slow(9 * time.Second)
				}
				return sinktest.Slow(time.Second)
			},
		}
		p := open(t, Config{Defaults: Delivery{InFlight: 3, BatchRecords: 1}}, s)
		start := time.Now()
		log(p, 0, 9)
		flushed := make(chan time.Duration, 1)
		go func() {
			_ = p.Flush(t.Context())
			flushed <- time.Since(start)
		}()
		time.Sleep(time.Minute)
		sec := func(n int) time.Duration { return time.Duration(n) * time.Second }
		want := []time.Duration{0, 0, 0, sec(1), sec(1), sec(2), sec(2), sec(3), sec(3)}
		if at := begun(start, s.Attempts()); !slices.Equal(at, want) {
			t.Errorf("the attempts began at %v, want %v", at, want)
		}
		if at := <-flushed; at != sec(9) {
			t.Errorf("Flush returned at %v, want 9s, when the first batch was done", at)
		}
		if k := row(t, p, "a"); k.Delivered != 9 {
			t.Errorf("%+v", k)
		}
		apart(t, s.Attempts())
	})
}

func TestStuckWriteTakesOneSlotOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Stuck()}}
		defer s.Release()
		cfg := Delivery{InFlight: 2, BatchRecords: 1}
		cfg.Breaker.Off = true
		p := open(t, Config{Defaults: cfg}, s)
		log(p, 0, 100)
		time.Sleep(time.Minute)
		if k := row(t, p, "a"); k.Delivered != 99 || k.Pending != 1 {
			t.Errorf("%+v", k)
		}
		s.Release()
		time.Sleep(time.Minute)
		if k := row(t, p, "a"); k.Delivered != 100 || s.Len() != 100 {
			t.Errorf("%+v", k)
		}
		apart(t, s.Attempts())
	})
}

// The sink that is gone has answered while other Writes were under way.
func TestGoneSinkMayHaveOtherWritesUnderWay(t *testing.T) {
	for _, late := range []sinktest.Step{sinktest.Slow(time.Second), sinktest.Late(time.Second, errDown), sinktest.Late(15*time.Second, nil)} {
		synctest.Test(t, func(t *testing.T) {
			s := &sinktest.Script{Steps: []sinktest.Step{late, sinktest.Verdict(sink.Gone, 0)}}
			p := open(t, Config{Defaults: Delivery{InFlight: 2, BatchRecords: 1}}, s)
			log(p, 0, 5)
			time.Sleep(time.Minute)
			k := row(t, p, "a")
			if k.Dropped[DroppedGone]+k.Delivered != 5 || !k.Gone {
				t.Errorf("%+v", k)
			}
			if a := s.Attempts()[0]; a.End.Sub(a.Start) < 10*time.Second && k.Delivered != uint64(s.Len()) {
				t.Errorf("the sink has %d: %+v", s.Len(), k)
			}
		})
	}
}
