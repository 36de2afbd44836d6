package fapilog

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestLaterAndConcurrentCloseReturnTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(closing)
		s.Then = sinktest.Slow(9 * time.Second)
		p := open(t, Config{Defaults: Delivery{BatchRecords: 3}}, s)
		burst(p, 0, 3)
		synctest.Wait()
		start := time.Now()
		var wg sync.WaitGroup
		errs := make([]error, 5)
		for i := range errs {
			wg.Go(func() { errs[i] = p.Close(limit(t, 2*time.Second)) })
		}
		impatient := make(chan error, 1)
		synctest.Wait()
		go func() { impatient <- p.Close(limit(t, time.Second)) }()
		if err := <-impatient; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("the impatient one returned %v after %v", err, time.Since(start))
		}
		wg.Wait()
		for _, err := range append(errs[1:], p.Close(context.Background())) {
			// A concurrent one may have come to its own deadline first.
			if err != errs[0] && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, want %v", err, errs[0])
			}
		}
		if s.count() != 1 {
			t.Errorf("the sink was closed %d times", s.count())
		}
	})
}

func TestNilContextIsTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		var none context.Context
		p := open(t, Config{}, &m)
		log(p, 0, 3)
		if err := p.Flush(none); err != nil || m.Len() != 3 {
			t.Errorf("Flush returned %v, the sink has %d records", err, m.Len())
		}
		log(p, 3, 3)
		for range 2 {
			if err := p.Close(none); err != nil || m.Len() != 6 {
				t.Errorf("Close returned %v, the sink has %d records", err, m.Len())
			}
		}
	})
}

func TestHandleAfterCloseIsRefusedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{}, &m)
		log(p, 0, 3)
		delivers(t, p)
		for range 5 {
			if err := p.Handler().Handle(context.Background(), slogRecord()); !errors.Is(err, ErrClosed) {
				t.Errorf("Handle returned %v", err)
			}
		}
		if err := p.WriteLine(context.Background(), []byte("x"), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("WriteLine returned %v", err)
		}
		if s := balanced(t, p); s.Closed != 6 || s.Offered != 9 || s.Complete() || m.Len() != 3 {
			t.Errorf("%+v", s)
		}
	})
}

// Every call of Handle ends either in the journal, and with that in the sink, or
// counted as closed.
func TestCallsUnderWayWhileItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{}, &m)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for n := range 100 {
					log(p, n*10, 10)
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		if err := p.Close(limit(t, time.Second)); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if s := balanced(t, p); s.Offered != 8000 || uint64(m.Len()) != s.Appended || s.Appended+s.Closed != 8000 || s.Closed < 3000 || s.Appended < 3000 {
			t.Errorf("the sink has %d: %+v", m.Len(), s)
		}
	})
}

// A caller that waits for a full journal is let go.
func TestCloseReleasesBlockedCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Then: sinktest.Stuck()}
		defer s.Release()
		cfg := Delivery{OnFull: Block, BlockTimeout: Forever}
		cfg.Breaker.Off = true
		p := open(t, Config{Defaults: cfg, MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 8 << 10}}, s)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { log(p, 0, 1000) })
		}
		time.Sleep(time.Second)
		start := time.Now()
		err := p.Close(limit(t, time.Second))
		if took := time.Since(start); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		wg.Wait()
		namesWhatIsLeft(t, p, err)
		if s := balanced(t, p); s.Offered != 4000 || s.Closed == 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestSinksCloseMayFailOrPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard events
		fails, panics := &closing{does: func() error { return errDown }}, &closing{does: func() error { panic("boom") }}
		exits := &closing{does: func() error { runtime.Goexit(); return nil }}
		p := open(t, Config{OnEvent: heard.note}, fails, panics, exits)
		log(p, 0, 1)
		start := time.Now()
		delivers(t, p)
		if time.Since(start) != 0 {
			t.Errorf("Close took %v", time.Since(start))
		}
		if e := heard.of(EventFailed); len(e) != 1 || e[0].Err != "close: connection refused" || e[0].Sink != "a" {
			t.Errorf("%+v", e)
		}
		if e := heard.of(EventPanic); len(e) != 1 || e[0].Err != "sink: panic: boom" || e[0].Sink != "b" {
			t.Errorf("%+v", e)
		}
	})
}

// A bubble fails its test if a goroutine of it is still blocked at the end. The
// number at a moment before that has those of the runtime in it, one or two more
// or less.
func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	for _, serial := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			synctest.Wait()
			before := runtime.NumGoroutine()
			for range 500 { // twice
				var a, b sinktest.Memory
				p, err := New(t.Context(), Config{Serial: serial, OnEvent: func(Event) {}, Routes: []Route{{Sink: &a}, {Sink: &b}}})
				if err != nil {
					t.Fatal(err)
				}
				p.Logger().With("k", 1).WithGroup("g").Info("x")
				if err := p.Close(t.Context()); err != nil || a.Len() != 1 || b.Len() != 1 {
					t.Fatal(err)
				}
			}
			synctest.Wait() // those that have nothing left to do have ended
			if after := runtime.NumGoroutine(); after > before+5 {
				t.Errorf("%d goroutines before, %d after", before, after)
			}
		})
	}
}
