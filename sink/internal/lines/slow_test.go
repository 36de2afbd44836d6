package lines

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// slowly takes a second for each write.
type slowly struct{ writes int }

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	s.writes++
	return len(p), nil
}

func TestSlowReaderIsReportedAsProgressBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batch []sink.Record
		for i := range 20 {
			batch = append(batch, sink.Record{ID: sink.ID{Seq: uint64(i)}, JSON: []byte(`{"n":1}`)})
		}
		w := NewWriter(NewStream(), 1, JSON) // a line a write
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		out := new(slowly)
		err := w.Write(ctx, out, batch)
		w.Release()
		var e *sink.Error
		if !errors.As(err, &e) || len(e.Items) != 12 || e.Items[0].Index != 8 || e.Items[0].Verdict != sink.Retry {
			t.Errorf("Write returned %v with %+v, want 12 records left", err, e)
		}
		if took := time.Since(start); took != 8*time.Second || out.writes != 8 {
			t.Errorf("%d writes in %v, want 8 in 8s", out.writes, took)
		}
	})
}

func TestOneWriteIsNotCutShortBySlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWriter(NewStream(), 1, JSON)
		ctx, cancel := context.WithTimeout(context.Background(), 1100*time.Millisecond)
		defer cancel()
		if err := w.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
		defer w.Release()
		err := w.Write(ctx, new(slowly), []sink.Record{{JSON: []byte(`{}`)}})
		if err != nil {
			t.Errorf("Write returned %v for the only record", err)
		}
	})
}
