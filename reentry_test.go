package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// talking is a sink that calls its own pipeline in Write and Ping.
type talking struct {
	sinktest.Memory
	p    atomic.Pointer[Pipeline]
	call func(ctx context.Context, p *Pipeline)
	down atomic.Bool
}

func (s *talking) Write(ctx context.Context, batch []sink.Record) error {
	s.call(ctx, s.p.Load())
	if s.down.Load() {
		return errDown
	}
	return s.Memory.Write(ctx, batch)
}

func (s *talking) Ping(ctx context.Context) error { return s.Write(ctx, nil) }

func TestCallsFromInsideASinkAreRefused(t *testing.T) {
	calls := map[string]func(ctx context.Context, p *Pipeline) error{
		"Handle":    func(ctx context.Context, p *Pipeline) error { return p.Handler().Handle(ctx, slogRecord()) },
		"WriteLine": func(ctx context.Context, p *Pipeline) error { return p.WriteLine(ctx, []byte("x"), 1) },
		"Flush":     func(ctx context.Context, p *Pipeline) error { return p.Flush(ctx) },
		"Close":     func(ctx context.Context, p *Pipeline) error { return p.Close(ctx) },
		"Handle with a context made from it": func(ctx context.Context, p *Pipeline) error {
			ctx, cancel := context.WithCancel(context.WithValue(ctx, new(int), 1))
			defer cancel()
			return p.Logger().With("k", 1).Handler().Handle(ctx, slogRecord())
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []error
				s := &talking{call: func(ctx context.Context, p *Pipeline) { got = append(got, call(ctx, p)) }}
				p := open(t, Config{Defaults: Delivery{BatchRecords: 10}}, s)
				s.p.Store(p)
				burst(p, 0, 10)
				synctest.Wait()
				holds(t, "a", s, upTo(10))
				if len(got) != 1 || !errors.Is(got[0], ErrReentrant) {
					t.Errorf("it returned %v", got)
				}
				want := uint64(0)
				if name != "Flush" && name != "Close" {
					want = 1
				}
				if st := balanced(t, p); st.Refused != want || st.Appended != 10 || st.Complete() != (want == 0) {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

func TestRefusedRecordsOfAFailingSinkDoNotFeedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &talking{call: func(ctx context.Context, p *Pipeline) { p.Logger().ErrorContext(ctx, "it failed") }}
		s.down.Store(true)
		p := open(t, Config{Defaults: Delivery{OnOpen: Skip}}, s) // which pings
		s.p.Store(p)
		log(p, 0, 10)
		time.Sleep(time.Hour)
		if st := balanced(t, p); st.Appended != 10 || st.Refused < 100 {
			t.Errorf("%+v", st)
		}
	})
}

// A context of one pipeline does not concern another.
func TestOneSinkMayLogToAnotherPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		second := open(t, Config{}, &m)
		s := &talking{call: func(ctx context.Context, p *Pipeline) { p.Logger().InfoContext(ctx, "x", "n", 0) }}
		s.p.Store(second)
		first := open(t, Config{}, s)
		log(first, 0, 1)
		delivers(t, first)
		delivers(t, second)
		holds(t, "second", &m, upTo(1))
	})
}

// Without the context it is a record as any other. It must end by itself here:
// each batch logs one record, until 20 are there.
func TestLoggingInASinkWithoutItsContextWorks(t *testing.T) {
	for _, serial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := 1
			s := &talking{call: func(_ context.Context, p *Pipeline) {
				if n < 20 {
					p.Logger().Info("x", "n", n)
					n++
				}
			}}
			p := open(t, Config{Serial: serial}, s, new(sinktest.Memory))
			s.p.Store(p)
			log(p, 0, 1)
			time.Sleep(time.Minute)
			delivers(t, p)
			holds(t, "a", s, upTo(20))
		})
	}
}

// The sink logs more than the journal holds, and the journal waits for the sink.
func TestLoggingInASinkWithAFullBlockingJournalDoesNotDeadlock(t *testing.T) {
	for _, timeout := range []time.Duration{100 * time.Millisecond, Forever} {
		for _, serial := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				s := &talking{call: func(_ context.Context, p *Pipeline) {
					if calls.Add(1) <= 5 {
						log(p, 1000, 200)
					}
				}}
				cfg := Config{Serial: serial, MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 8 << 10}}
				cfg.Defaults = Delivery{OnFull: Block, BlockTimeout: timeout}
				p := open(t, cfg, s)
				s.p.Store(p)
				start := time.Now()
				log(p, 0, 500)
				if took := time.Since(start); took > 10*time.Minute {
					t.Errorf("500 calls took %v", took)
				}
				time.Sleep(10 * time.Minute)
				delivers(t, p)
				if k := row(t, p, "a"); k.Pending != 0 || k.Delivered == 0 {
					t.Errorf("%+v", k)
				}
			})
		}
	}
}

func TestDiagnosticsOnThePipelineItselfDoNotFeedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := new(deferred)
		s := failing(3)
		p := open(t, Config{Diagnostics: slog.New(own)}, s)
		own.p.Store(p)
		log(p, 0, 10)
		time.Sleep(time.Hour)
		delivers(t, p)
		holds(t, "a", s, upTo(10))
		if st := p.Stats(); st.Refused == 0 || st.Appended != 10 || !slices.Contains(own.seen(), "sink attempt failed") {
			t.Errorf("%+v", st)
		}
	})
}

// deferred hands records to a pipeline that is made later.
type deferred struct {
	p    atomic.Pointer[Pipeline]
	msgs atomic.Pointer[[]string]
}

func (d *deferred) Enabled(context.Context, slog.Level) bool { return true }
func (d *deferred) WithAttrs([]slog.Attr) slog.Handler       { return d }
func (d *deferred) WithGroup(string) slog.Handler            { return d }

func (d *deferred) Handle(ctx context.Context, r slog.Record) error {
	msgs := append(slices.Clone(d.seen()), r.Message) // one goroutine calls it
	d.msgs.Store(&msgs)
	return d.p.Load().Handler().Handle(ctx, r)
}

func (d *deferred) seen() []string {
	if m := d.msgs.Load(); m != nil {
		return *m
	}
	return nil
}
