package sinktest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

var (
	_ sink.Sink      = (*Memory)(nil)
	_ sink.Defaulter = (*Memory)(nil)
	_ sink.Sink      = (*Script)(nil)
	_ sink.Sink      = (*Pinging)(nil)
	_ sink.Pinger    = (*Pinging)(nil)
)

// batch returns n records with sequences from first on.
func batch(first, n int) []sink.Record {
	records := make([]sink.Record, n)
	for i := range records {
		seq := first + i
		records[i] = sink.Record{
			ID:    sink.ID{Seq: uint64(seq)},
			Time:  time.Unix(int64(seq), 0),
			Level: slog.LevelWarn,
			JSON:  fmt.Appendf(nil, `{"n":%d}`, seq),
		}
	}
	return records
}

func write(t *testing.T, s sink.Sink, records []sink.Record) {
	t.Helper()
	if err := s.Write(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

func TestMemoryKeepsCopies(t *testing.T) {
	var m Memory
	lent := batch(1, 2)
	write(t, &m, lent)
	copy(lent[0].JSON, "XXXXXXXX")
	lent[1] = sink.Record{}
	got := m.Records()
	want := batch(1, 2)
	for i := range want {
		if !same(got[i], want[i]) {
			t.Errorf("record %d is %s, want %s", i, got[i].JSON, want[i].JSON)
		}
	}
	copy(got[0].JSON, "YYYYYYYY")
	if again := m.Records(); !same(again[0], want[0]) {
		t.Errorf("what Records returned was not a copy: %s", again[0].JSON)
	}
}

func TestMemoryKeepsItsRecordsWhenItIsClosed(t *testing.T) {
	var m Memory
	write(t, &m, batch(1, 3))
	if m.Closed() {
		t.Error("it is closed before Close")
	}
	if err := m.Close(); err != nil || !m.Closed() || m.Len() != 3 {
		t.Errorf("closed %t with %d records, %v", m.Closed(), m.Len(), err)
	}
}

func TestWaitForReturnsAtTheMomentTheLastRecordComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		go func() {
			for i := range 3 {
				time.Sleep(time.Second)
				write(t, &m, batch(i, 1))
			}
		}()
		start := time.Now()
		if err := m.WaitFor(t.Context(), 3); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("it waited %v, %v, want 3s", time.Since(start), err)
		}
		if err := m.WaitFor(t.Context(), 2); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("for records that are there it waited until %v, %v", time.Since(start), err)
		}
	})
}

func TestWaitForEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := m.WaitFor(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestMemoryMayBeUsedByManyAtOnce(t *testing.T) {
	var m Memory
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				write(t, &m, batch(i*50+n, 1))
				m.Records()
			}
		})
		wg.Go(func() {
			if err := m.WaitFor(t.Context(), 400); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[sink.ID]bool{}
	for _, r := range m.Records() {
		seen[r.ID] = true
	}
	if m.Len() != 400 || len(seen) != 400 {
		t.Errorf("%d records, %d of them distinct, want 400", m.Len(), len(seen))
	}
}

func TestMemoryPrefersAShortLinger(t *testing.T) {
	var d sink.Duration
	if err := d.Set(new(Memory).Defaults()["linger"]); err != nil || time.Duration(d) != 5*time.Millisecond {
		t.Errorf("linger is %v, %v, want 5ms", d, err)
	}
}
