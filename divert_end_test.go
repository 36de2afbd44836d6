package fapilog

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestDivertedRecordsHaveTheFallbacksVerdicts(t *testing.T) {
	for _, verdict := range []sink.Verdict{sink.Rejected, sink.TooLarge, sink.Gone} {
		t.Run(verdict.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := open(t, Config{Routes: []Route{
					{Name: "primary", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: to("fallback")},
					{Name: "fallback", Sink: &sinktest.Script{Then: sinktest.Verdict(verdict, 0)}, Standby: true},
				}})
				burst(p, 0, 10)
				time.Sleep(time.Second)
				if k := row(t, p, "primary"); k.Diverted != 10 || k.Pending != 0 {
					t.Errorf("%+v", k)
				}
				if k := row(t, p, "fallback"); k.Appended != 10 || k.Dropped[Reason(verdict.String())] != 10 {
					t.Errorf("%+v", k)
				}
				if p.Stats().Complete() {
					t.Error("with records dropped by the fallback it is complete")
				}
			})
		})
	}
}

func TestRecordsAreHeldWhereTheFallbackHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		primary := &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(errDown)}}
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: primary, Delivery: to("fallback")},
			{Name: "fallback", Sink: &sinktest.Script{Then: sinktest.Verdict(sink.Gone, 0)}, Standby: true},
		}})
		burst(p, 0, 10) // end the fallback
		synctest.Wait()
		burst(p, 10, 10)
		time.Sleep(29 * time.Second)
		if k := row(t, p, "primary"); k.Circuit != breaker.Open || k.Diverted != 10 || k.Pending != 10 {
			t.Errorf("%+v", k)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		holds(t, "primary", primary, span(10, 10))
		delivers(t, p)
	})
}

func TestCloseWaitsForDiversions(t *testing.T) {
	tests := []struct {
		name     string
		fallback sinktest.Step
		took     time.Duration
		left     bool
	}{
		{"the fallback works", sinktest.Slow(2 * time.Second), 2 * time.Second, false},
		{"the fallback is parked", sinktest.Verdict(sink.Park, 0), 0, true},
		{"the fallback hangs", sinktest.Stuck(), 5*time.Second + stopGrace, true},
	}
	for _, test := range tests {
		for _, batches := range []int{1, 3} {
			t.Run(fmt.Sprint(test.name, " with batches: ", batches), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fallback := &sinktest.Script{Steps: []sinktest.Step{test.fallback, test.fallback}}
					defer fallback.Release()
					p := open(t, Config{Routes: []Route{
						{Name: "primary", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: to("fallback")},
						{Name: "fallback", Sink: fallback, Standby: true},
					}})
					burst(p, 0, 10*batches)
					synctest.Wait()
					start := time.Now()
					err := p.Close(limit(t, 5*time.Second))
					if took := time.Since(start); test.left && took != test.took || took > test.took*2 {
						t.Errorf("Close took %v, want %v", took, test.took)
					}
					if _, undelivered := errors.AsType[*UndeliveredError](err); undelivered != test.left {
						t.Errorf("Close returned %v", err)
					}
					namesWhatIsLeft(t, p, err)
				})
			})
		}
	}
}

// A record that is evicted before the fallback's own cursor has read it is the
// fallback's loss, and not waited for.
func TestDiversionDoesNotWaitForWhatTheFallbackHasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fallback := &sinktest.Script{Steps: []sinktest.Step{sinktest.Slow(9 * time.Second)}}
		p := open(t, Config{MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 16 << 10}, Routes: []Route{
			{Name: "primary", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: to("fallback")},
			{Name: "fallback", Sink: fallback, Delivery: Delivery{BatchRecords: 10}},
		}})
		burst(p, 0, 10)
		synctest.Wait() // the fallback writes for 9 s
		for n := range 100 {
			burst(p, 10+n*10, 10)
			synctest.Wait()
		}
		time.Sleep(20 * time.Second)
		own, first := row(t, p, "fallback"), row(t, p, "primary")
		if own.Dropped[DroppedOverflow] == 0 || own.Pending != 0 || first.Pending != 0 {
			t.Errorf("fallback: %+v; primary: %+v", own, first)
		}
		noneTwice(t, "fallback", fallback)
		delivers(t, p)
	})
}
