package proof

import (
	"path/filepath"
	"testing"
	"time"
)

const mebibyte = 1 << 20

// allowance is how much anonymous memory a process may take beyond what the journal
// is to have.
const allowance = 32 * mebibyte

// A record of these tests takes about 1.1 KiB in the journal.
const perMebibyte = 900

func TestBacklogOfAGibibyteIsNoBurdenAtStart(t *testing.T) {
	c := newChain(t, random(t))
	records := uint64(scaled(1024) * perMebibyte)
	p := c.plan(dead, dead)
	p.Large, p.SegmentBytes, p.MaxBytes = true, 4*mebibyte, 4096*mebibyte
	p.End, p.After = kills, records
	filled := start(t, "", p)
	filled.wait()
	c.oracle.ended(filled)
	c.oracle.window = 1000

	p = c.plan(good, good)
	p.Large, p.SegmentBytes, p.MaxBytes, p.BatchRecords = true, 4*mebibyte, 4096*mebibyte, 1000
	p.Producers, p.Records, p.End = 1, 1, closes
	run := start(t, "", p)
	begun := time.Now()
	run.await("open", func() bool { return run.count[opened] > 0 })
	run.await("deliver", func() bool { return run.got[0] > 0 && run.got[1] > 0 })
	first := time.Since(begun)
	stats := run.ledger()
	c.oracle.ended(run)
	c.oracle.complete(stats)
	_, ready := run.told(opened)
	_, more := run.told(memory)
	t.Logf("%d records left: open after %v, both sinks' first records %v after the process began, %d MiB more memory at most",
		records, time.Duration(ready), first, more/mebibyte)
	if more > allowance && !raced {
		t.Errorf("%d MiB more memory, want at most %d", more/mebibyte, allowance/mebibyte)
	}
	if n := c.oracle.views["a"].distinct; n < records {
		t.Errorf("sink a was given %d records, want %d and more", n, records)
	}
	c.check()
}

func TestDeadSinksTakeNoMemory(t *testing.T) {
	const limit = 64 * mebibyte
	for _, kind := range []struct {
		name string
		dir  bool
		most uint64
	}{
		{"durable", true, allowance}, // its pages are the system's
		{"memory", false, limit + allowance},
	} {
		t.Run(kind.name, func(t *testing.T) {
			c := newChain(t, random(t))
			p := c.plan(dead, hung)
			p.Large, p.SegmentBytes, p.MaxBytes = true, 4*mebibyte, limit
			p.Records, p.Producers = uint64(scaled(5_000_000))/8, 8
			p.End, p.After, p.Quiet = exits, p.Records*8, true
			if !kind.dir {
				p.Dir = ""
			} else {
				p.Dir = filepath.Join(c.out, "journal")
			}
			run := start(t, "", p)
			begun := time.Now()
			run.wait()
			_, more := run.told(memory)
			t.Logf("%d records in %v: %d MiB more memory at most", p.After, time.Since(begun).Round(time.Millisecond), more/mebibyte)
			if more > kind.most && !raced {
				t.Errorf("%d MiB more memory, want at most %d", more/mebibyte, kind.most/mebibyte)
			}
		})
	}
}
