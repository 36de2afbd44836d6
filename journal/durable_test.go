package journal

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// openDir opens a durable journal with small segments.
func openDir(t testing.TB, dir string, segments int) *Journal {
	t.Helper()
	j, err := Open(Config{Dir: dir, MaxBytes: int64(segments) << 12, SegmentBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

// settleAll reads everything there is to read for c and acknowledges it, a batch
// of at most limit records at a time.
func settleAll(c *Cursor, limit int, f func(Entry)) {
	var b Batch
	p := c.Position()
	for !c.Arm(1, 0) {
		filtered, _ := c.Read(&b, ReadLimits{Records: limit, MinLevel: everyLevel})
		for e := range b.All() {
			f(e)
		}
		q := c.Position()
		c.Ack(q.Next, Tally{
			Delivered: uint64(b.Len()), Filtered: uint64(filtered),
			Overflow: q.Lost - p.Lost, Corrupt: q.Corrupt - p.Corrupt,
		})
		p = q
	}
}

func numbered(n int) []byte { return fmt.Appendf(nil, "record %d %100d", n, n) }

func TestNextLifeDeliversWhatAnEarlierOneHasLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	const lives, each = 3, 100
	n := 0
	for range lives {
		j := openDir(t, dir, 64)
		j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		for range each {
			if err := j.Append(time.Unix(int64(n), 0), slog.LevelInfo, numbered(n)); err != nil {
				t.Fatal(err)
			}
			n++
		}
		j.Close()
	}
	j := openDir(t, dir, 64)
	c := j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	if p := c.Position(); p.Unread != lives*each {
		t.Errorf("%+v", p)
	}
	got := 0
	seen := map[string]bool{}
	settleAll(c, 7, func(e Entry) {
		if string(e.Data) != string(numbered(got)) || e.Time.Unix() != int64(got) {
			t.Fatalf("record %d is %q", got, e.Data)
		}
		if e.Seq != uint64(got%each) {
			t.Errorf("record %d has the sequence %d", got, e.Seq)
		}
		seen[fmt.Sprintf("%x", e.Journal)] = true
		got++
	})
	if got != lives*each || len(seen) != lives {
		t.Errorf("%d records of %d lives", got, len(seen))
	}
	j.Close()
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("%d directories are left, want the last one", len(entries))
	}
	j = openDir(t, dir, 64)
	c = j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	if s := c.Settled(); s.Delivered != lives*each || s.Appended() != lives*each {
		t.Errorf("settled: %+v", s)
	}
	if p := c.Position(); p.Unread != 0 {
		t.Errorf("%+v", p)
	}
}
