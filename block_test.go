package fapilog

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// Two sinks lag behind, and the journal waits for both. The third one, which it
// does not wait for, loses nothing either.
func TestBlockingForTwoLaggingSinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, slower := &sinktest.Script{Then: sinktest.Slow(time.Second)}, &sinktest.Script{Then: sinktest.Slow(3 * time.Second)}
		var quick sinktest.Memory
		block := Delivery{OnFull: Block, BlockTimeout: Forever, BatchRecords: 20}
		p := open(t, Config{MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 16 << 10}, Routes: []Route{
			{Name: "slow", Sink: slow, Delivery: block},
			{Name: "slower", Sink: slower, Delivery: block},
			{Name: "quick", Sink: &quick},
		}})
		start := time.Now()
		log(p, 0, 2000)
		// 100 batches of 20 at 3 s each, less what the journal and the Write hold.
		if took := time.Since(start); took > 300*time.Second || took < 200*time.Second {
			t.Errorf("the caller took %v", took)
		}
		if err := p.Flush(limit(t, time.Hour)); err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]interface{ Records() []sink.Record }{"slow": slow, "slower": slower, "quick": &quick} {
			holds(t, name, s, upTo(2000))
		}
		if !p.Stats().Complete() {
			t.Errorf("%+v", p.Stats())
		}
	})
}

// After one full wait nobody waits until the sink has freed a segment; only the
// sink that is stuck loses records.
func TestBlockedCallerWaitsOnceForAStuckSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &sinktest.Script{Then: sinktest.Stuck()}
		defer stuck.Release()
		var quick sinktest.Memory
		cfg := Config{MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 64 << 10}}
		cfg.Defaults = Delivery{OnFull: Block, BlockTimeout: 70 * time.Millisecond}
		p := open(t, cfg, stuck, &quick)
		start := time.Now()
		log(p, 0, 10_000)
		if took := time.Since(start); took != 70*time.Millisecond {
			t.Errorf("the caller waited %v, want 70ms", took)
		}
		time.Sleep(10 * time.Millisecond)
		holds(t, "b", &quick, upTo(10_000))
		if k := row(t, p, "a"); k.Dropped[DroppedOverflow] == 0 || k.Pending+k.Dropped[DroppedOverflow] != 10_000 {
			t.Errorf("%+v", k)
		}
	})
}

func TestSinkThatIsOpenOrParkedBlocksNobody(t *testing.T) {
	for _, step := range []sinktest.Step{sinktest.Fail(errDown), sinktest.Verdict(sink.Park, 0), sinktest.Verdict(sink.Gone, 0)} {
		synctest.Test(t, func(t *testing.T) {
			cfg := Config{MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 64 << 10}}
			cfg.Defaults = Delivery{OnFull: Block, BlockTimeout: Forever, Breaker: once}
			p := open(t, cfg, &sinktest.Script{Then: step})
			log(p, 0, 1)
			time.Sleep(time.Second)
			start := time.Now()
			log(p, 1, 10_000)
			if took := time.Since(start); took != 0 {
				t.Errorf("the caller waited %v", took)
			}
			balanced(t, p)
		})
	}
}
