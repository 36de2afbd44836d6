package fapilog

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// measured returns a sink that takes at most limit bytes a batch.
func measured(limit int) *sinktest.Script {
	return &sinktest.Script{Answer: func(_ int, batch []sink.Record) sinktest.Step {
		if size(batch) > int64(limit) {
			return sinktest.Verdict(sink.TooLarge, 0)
		}
		return sinktest.OK()
	}}
}

// refusals returns how many of the attempts had a verdict.
func refusals(attempts []sinktest.Attempt) (n int) {
	for _, a := range attempts {
		if a.Err != nil {
			n++
		}
	}
	return n
}

func TestTooLargeBatchIsHalvedAndTheSizeRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probe := new(sinktest.Script)
		p := open(t, Config{}, probe)
		log(p, 10_000, 1)
		delivers(t, p)
		bytes := len(probe.Records()[0].JSON) // of each record to come

		s := measured(130 * bytes)
		p = open(t, Config{Defaults: Delivery{BatchRecords: 1000, Linger: 10 * time.Millisecond}}, s)
		burst(p, 10_000, 1000)
		time.Sleep(time.Minute)
		if n := len(s.Attempts()); n != 15 || refusals(s.Attempts()) != 7 { // 1, 2 and 4 refused, 8 halves of 125 taken
			t.Errorf("%d attempts, %d of them refused", n, refusals(s.Attempts()))
		}
		for n := range 9 {
			log(p, 11_000+n*1000, 1000)
			time.Sleep(time.Minute)
		}
		holds(t, "a", s, span(10_000, 10_000))
		if n := refusals(s.Attempts()); n != 7 {
			t.Errorf("%d attempts were refused, 7 of them at first: the size is not remembered", n)
		}
		if k := row(t, p, "a"); k.Circuit != breaker.Closed || k.Delivered != 10_000 {
			t.Errorf("%+v", k)
		}
	})
}

// A sink may append to the slice that it is given: what lies behind it there is
// not its own.
func TestSinkMayAppendToItsBatch(t *testing.T) {
	for _, verdict := range []sink.Verdict{sink.TooLarge, sink.Rejected} {
		synctest.Test(t, func(t *testing.T) {
			var got sinktest.Memory
			p := open(t, Config{Defaults: Delivery{BatchRecords: 64}}, sink.Func(func(ctx context.Context, batch []sink.Record) error {
				_ = append(batch, sink.Record{JSON: []byte(`{"n":-1}`)})
				if len(batch) > 8 {
					return &sink.Error{Verdict: verdict}
				}
				return got.Write(ctx, batch)
			}))
			burst(p, 0, 64)
			delivers(t, p)
			holds(t, "a", &got, upTo(64))
		})
	}
}

func TestSizeIsNotRememberedWhenOneRecordWasGuilty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := measured(100_000)
		p := open(t, Config{Defaults: Delivery{BatchRecords: 1000, Linger: 10 * time.Millisecond}}, s)
		log(p, 0, 500)
		p.Logger().Info(strings.Repeat("x", 100_000), "n", 500)
		log(p, 501, 499)
		time.Sleep(time.Minute)
		before := len(s.Attempts())
		burst(p, 1000, 1000)
		time.Sleep(time.Minute)
		holds(t, "a", s, slices.Delete(upTo(2000), 500, 501))
		if n := len(s.Attempts()) - before; n != 1 {
			t.Errorf("the next thousand records took %d attempts, want 1", n)
		}
		if k := row(t, p, "a"); k.Dropped[DroppedTooLarge] != 1 || k.Delivered != 1999 {
			t.Errorf("%+v", k)
		}
	})
}
