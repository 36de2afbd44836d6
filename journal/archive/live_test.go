package archive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal"
	. "github.com/fapilog/fapilog/journal/archive"
)

// openJournal opens a durable journal of small segments.
func openJournal(t testing.TB, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(journal.Config{Dir: dir, MaxBytes: 64 << 10, SegmentBytes: 4 << 10})
	try(t, err)
	t.Cleanup(j.Close)
	return j
}

// settle has the cursor read and settle up to n records, as one delivery does.
func settle(t testing.TB, c *journal.Cursor, n int) (done int) {
	t.Helper()
	var b journal.Batch
	for done < n {
		c.Read(&b, journal.ReadLimits{Records: n - done})
		if b.Len() == 0 {
			return done
		}
		done += b.Len()
		try(t, c.Ack(c.Position().Next, Tally{Delivered: uint64(b.Len())}))
	}
	return done
}

func TestInspectBesideTheProcessThatAppends(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	ahead, behind := j.NewCursor(journal.CursorConfig{Key: "ahead"}), j.NewCursor(journal.CursorConfig{Key: "behind"})
	j.Ready()
	for i := range 300 {
		try(t, j.Append(start.Add(time.Duration(i)*time.Second), 0, fmt.Appendf(nil, `{"n":%d}`, i)))
	}
	settle(t, ahead, 300)
	settle(t, behind, 100)
	r, err := Verify(dir)
	try(t, err)
	if len(r.Lives) != 1 || r.Damage() != 0 || len(r.Foreign) > 0 {
		t.Fatalf("%+v", r)
	}
	l := r.Lives[0]
	if l.ID != fmt.Sprintf("%x", j.ID()) || l.End != 300 || l.InUse == r.Unseen || len(r.Problems) > 0 {
		t.Errorf("%+v", l)
	}
	if len(l.Cursors) != 2 || l.Cursors[0].Lag != 0 || l.Cursors[1].Lag != 200 || l.Cursors[1].Tally.Delivered != 100 || !l.Cursors[1].OldestPending.Equal(start.Add(100*time.Second)) {
		t.Errorf("%+v", l.Cursors)
	}
	if got, errs := numbers(t, dir, Query{Unsettled: "behind"}); !slices.Equal(got, span(100, 300)) || errs != nil {
		t.Errorf("%v, %v", got, errs)
	}
	j.Close()
	if got, errs := numbers(t, dir, Query{Unsettled: "behind"}); !slices.Equal(got, span(100, 300)) || errs != nil {
		t.Errorf("after its end: %v, %v", got, errs)
	}
}

// Records are taken out while others are appended, settled, evicted, and segments
// are used again: whatever comes is a record that was appended, in order, and
// nothing is taken for damaged.
func TestReadingBesideARunningJournalFindsNoDamage(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	c := j.NewCursor(journal.CursorConfig{Key: "a"})
	j.Ready()
	quit := make(chan struct{}) // closed when the reading is over
	var appending sync.WaitGroup
	appending.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			default:
			}
			if err := j.Append(start, 0, fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
				t.Error(err)
				return
			}
			if i%1000 == 999 {
				settle(t, c, 1000)
			}
		}
	})
	for range 50 {
		all, err := Records(dir, Query{})
		try(t, err)
		last := -1
		for r, err := range all {
			if err != nil {
				var g *Gap
				if !errors.As(err, &g) || g.Why == "are damaged" {
					t.Error(err)
				}
				continue
			}
			var v struct{ N int }
			try(t, json.Unmarshal(r.Data, &v))
			if uint64(v.N) != r.ID.Seq || v.N <= last {
				t.Fatalf("record %v is %s, after %d", r.ID, r.Data, last)
			}
			last = v.N
		}
		if r, err := Verify(dir); err != nil || r.Damage() != 0 {
			t.Errorf("%v: %d damaged; %+v", err, r.Damage(), r)
		}
	}
	close(quit)
	appending.Wait()
}
