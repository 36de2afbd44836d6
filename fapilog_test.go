package fapilog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// errDown is the usual failure of the sinks in these tests.
var errDown = errors.New("connection refused")

// open returns a pipeline with these sinks, named a, b, c … after cfg's own
// routes. Its diagnostics go nowhere. It is closed at the end of the test,
// whatever is left in it.
func open(t testing.TB, cfg Config, sinks ...sink.Sink) *Pipeline {
	t.Helper()
	for i, s := range sinks {
		cfg.Routes = append(cfg.Routes, Route{Name: string(rune('a' + i)), Sink: s})
	}
	if cfg.Diagnostics == nil {
		cfg.Diagnostics = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	p, err := New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 0)
		defer cancel()
		_ = p.Close(ctx)
	})
	return p
}

// numbers returns the attribute n of each record.
func numbers(t testing.TB, records []sink.Record) []int {
	t.Helper()
	var ns []int
	for _, r := range records {
		var v struct{ N int }
		if err := json.Unmarshal(r.JSON, &v); err != nil {
			t.Fatalf("%v in %s", err, r.JSON)
		}
		ns = append(ns, v.N)
	}
	return ns
}

// upTo returns 0, 1, … n-1.
func upTo(n int) []int { return span(0, n) }

// span returns n numbers from first on.
func span(first, n int) []int {
	ns := make([]int, n)
	for i := range ns {
		ns[i] = first + i
	}
	return ns
}

// holds fails the test unless these are the records that the sink has, in this
// order.
func holds(t testing.TB, name string, s interface{ Records() []sink.Record }, want []int) {
	t.Helper()
	got := numbers(t, s.Records())
	if slices.Equal(got, want) {
		return
	}
	if len(got)+len(want) <= 64 {
		t.Errorf("sink %s has %v, want %v", name, got, want)
		return
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("sink %s has %d records, want %d; the one at %d is %d, want %d", name, len(got), len(want), i, got[i], want[i])
			return
		}
	}
	t.Errorf("sink %s has %d records, want %d", name, len(got), len(want))
}

// log logs n records, numbered from first.
func log(p *Pipeline, first, n int) {
	l := p.Logger()
	for i := range n {
		l.Info("x", "n", first+i)
	}
}

// burst logs n records, numbered from first, in such a way that the sinks find
// all of them at once: a sink that finds the last but one takes that for a full
// batch when the last is still being written. It is for use in a bubble.
func burst(p *Pipeline, first, n int) {
	synctest.Wait() // else a serial loop may be between two deliveries
	gate := make(chan struct{})
	for _, d := range p.deliveries {
		d.post(func(time.Time) { <-gate })
	}
	synctest.Wait()
	log(p, first, n)
	close(gate)
}

// balanced fails the test unless every row of the ledger adds up.
func balanced(t testing.TB, p *Pipeline) Stats {
	t.Helper()
	s := p.Stats()
	for _, k := range s.Sinks {
		if sum := k.settled() + k.Pending; sum != k.Appended {
			t.Errorf("%s: appended %d, but the terms add up to %d: %+v", k.Name, k.Appended, sum, k)
		}
	}
	if sum := s.Appended + s.Closed + s.EncodeFailed + s.Refused; sum != s.Offered {
		t.Errorf("offered %d, but the terms add up to %d: %+v", s.Offered, sum, s)
	}
	return s
}

// row returns the row of the ledger with that name, once the ledger adds up.
func row(t testing.TB, p *Pipeline, name string) SinkStats {
	t.Helper()
	for _, k := range balanced(t, p).Sinks {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no sink %s", name)
	return SinkStats{}
}

// delivers fails the test unless Close, with a minute's time, leaves nothing.
func delivers(t testing.TB, p *Pipeline) {
	t.Helper()
	if err := p.Close(limit(t, time.Minute)); err != nil {
		t.Error(err)
	}
	balanced(t, p)
}

// limit returns a context with a deadline from now.
func limit(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// lines returns a logger and what it has written. It is to be read when the
// pipeline is closed or, in a bubble, after synctest.Wait.
func lines() (*slog.Logger, *bytes.Buffer) {
	var buf bytes.Buffer
	return slog.New(slog.NewTextHandler(&buf, nil)), &buf
}

// events keeps what OnEvent is told.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (e *events) note(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// of returns the events of one kind.
func (e *events) of(kind EventKind) (found []Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.all {
		if event.Kind == kind {
			found = append(found, event)
		}
	}
	return found
}

// states returns the states that circuits have gone through.
func (e *events) states() (to []breaker.State) {
	for _, event := range e.of(EventCircuit) {
		to = append(to, event.To)
	}
	return to
}

// constant makes the random numbers of p's deliveries a constant in [0, 1).
// Nothing may have been logged yet.
func constant(p *Pipeline, v float64) {
	for _, d := range p.deliveries {
		d.random = func() float64 { return v }
	}
}

// failing returns a sink that fails n times and then delivers.
func failing(n int) *sinktest.Script {
	return &sinktest.Script{Steps: slices.Repeat([]sinktest.Step{sinktest.Fail(errDown)}, n)}
}

// begun returns when the attempts began, counted from start.
func begun(start time.Time, attempts []sinktest.Attempt) (at []time.Duration) {
	for _, a := range attempts {
		at = append(at, a.Start.Sub(start))
	}
	return at
}

// apart fails the test if two Writes had the same record at the same time, or
// if a batch was changed while a Write had it.
func apart(t testing.TB, attempts []sinktest.Attempt) {
	t.Helper()
	for i, a := range attempts {
		if a.Changed {
			t.Errorf("the batch of attempt %d was changed before its Write returned", i+1)
		}
		for k, b := range attempts[:i] {
			if (b.End.IsZero() || b.End.After(a.Start)) && slices.ContainsFunc(a.Records, func(r sink.Record) bool {
				return slices.ContainsFunc(b.Records, func(other sink.Record) bool { return other.ID == r.ID })
			}) {
				t.Errorf("attempt %d has a record that attempt %d still had", i+1, k+1)
			}
		}
	}
}

func slogRecord() slog.Record { return slog.NewRecord(time.Now(), slog.LevelInfo, "x", 0) }

// settled returns how many records have come to an end.
func (s SinkStats) settled() uint64 {
	n := s.Filtered + s.Delivered + s.Diverted + s.Quarantined
	for _, dropped := range s.Dropped {
		n += dropped
	}
	return n
}
