package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestSignalEndsTheReadingOfASilentInputSoon(t *testing.T) {
	for name, c := range map[string]struct {
		late []time.Duration // of the lines that come after the signal, each after the one before
		took time.Duration   // after the signal
	}{
		"nothing comes":             {nil, silence},
		"the last line comes late":  {[]time.Duration{silence - 1}, 2*silence - 1},
		"each line delays the end":  {[]time.Duration{silence / 2, silence - 1}, silence/2 + 2*silence - 1},
		"the last line has no rest": {[]time.Duration{0, 0}, silence},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				defer w.Close() // ends the read that is under way
				var m sinktest.Memory
				run := start(t, fapilog.Config{}, limits{time.Minute, 10 * time.Second}, r, &m)
				say := func(i int) {
					if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				say(0)
				time.Sleep(time.Hour) // before the signal silence is nothing
				run.signals <- syscall.SIGTERM
				synctest.Wait()
				for i, late := range c.late {
					time.Sleep(late)
					say(i + 1)
				}
				if o := run.end(t); o.status != exitOK || o.took != time.Hour+c.took {
					t.Errorf("ended after %v with status %d, want %v and 0", o.took, o.status, time.Hour+c.took)
				}
				checkNumbered(t, m.Records(), 1+len(c.late))
			})
		})
	}
}

// The input that never is silent is read for half of the grace.
func TestSignalEndsTheReadingAfterHalfTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close() // ends the read that is under way
		var m sinktest.Memory
		run := start(t, fapilog.Config{}, limits{time.Minute, 10 * time.Second}, r, &m)
		say := func(text string) {
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		say(numbered(3))
		time.Sleep(time.Hour)
		run.signals <- syscall.SIGTERM
		synctest.Wait()
		for i := range 19 {
			say(fmt.Sprintf("line %d\n", 3+i))
			time.Sleep(250 * time.Millisecond)
		}
		time.Sleep(250*time.Millisecond - 1) // now it is half of the grace, all but a moment
		say("line 22\nline 23")
		o := run.end(t)
		if o.status != exitOK || o.took != time.Hour+5*time.Second {
			t.Errorf("ended after %v with status %d, want 1h0m5s and 0", o.took, o.status)
		}
		checkNumbered(t, m.Records(), 24)
	})
}

func TestEndOfTheInputAfterASignalIsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		healthy, refusing := new(sinktest.Memory), &sinktest.Script{Steps: []sinktest.Step{sinktest.OK()}, Then: sinktest.Fail(errors.New("no"))}
		run := start(t, fapilog.Config{}, limits{time.Hour, time.Hour}, r, healthy, refusing)
		say := func(text string) {
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
		}
		say(numbered(3))
		time.Sleep(time.Minute)
		run.signals <- syscall.SIGINT
		say("line 3\n")
		w.Close()
		// The sink that refuses gets its last attempts, and no hour to recover.
		if o := run.end(t); o.status != exitIncomplete || o.took > 2*time.Minute || o.stats.Offered != 4 {
			t.Errorf("ended after %v with status %d, %d lines", o.took, o.status, o.stats.Offered)
		}
		checkNumbered(t, healthy.Records(), 4)
	})
}

func TestSecondSignalEndsTheReading(t *testing.T) {
	for name, grace := range map[string]time.Duration{"with a second signal": time.Hour, "with no grace": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				defer w.Close() // ends the read that is under way
				var m sinktest.Memory
				run := start(t, fapilog.Config{}, limits{time.Hour, grace}, r, &m)
				if _, err := io.WriteString(w, numbered(3)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				run.signals <- syscall.SIGTERM
				if grace > 0 {
					time.Sleep(oneAsking)
					run.signals <- syscall.SIGINT
				}
				if o := run.end(t); o.status != exitOK || o.took > time.Minute+oneAsking+150*time.Millisecond {
					t.Errorf("ended after %v with status %d", o.took, o.status)
				}
				checkNumbered(t, m.Records(), 3)
			})
		})
	}
}

func TestSignalLeavesNoMoreThanTheGrace(t *testing.T) {
	const grace = 10 * time.Second
	refusing := func() sink.Sink { return &sinktest.Script{Then: sinktest.Fail(errors.New("no"))} }
	stuck := func() sink.Sink { return &sinktest.Script{Then: sinktest.Stuck()} }
	for name, c := range map[string]struct {
		sink  func() sink.Sink
		cfg   fapilog.Config
		lines int
		open  bool // the input has not ended
	}{
		"while it drains to a sink that refuses":       {sink: refusing, lines: 10},
		"while it drains to a sink that is stuck":      {sink: stuck, lines: 10},
		"while it reads, with a sink that is stuck":    {sink: stuck, lines: 10, open: true},
		"while an append waits for a sink for ever":    {sink: stuck, cfg: hostage(), lines: 2000},
		"while an append waits, and the input is open": {sink: stuck, cfg: hostage(), lines: 2000, open: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, w := io.Pipe()
				defer w.Close() // ends the read that is under way
				s := c.sink()
				if s, ok := s.(*sinktest.Script); ok {
					defer s.Release()
				}
				run := start(t, c.cfg, limits{time.Hour, grace}, in, s)
				go func() {
					_, _ = io.WriteString(w, numbered(c.lines))
					if !c.open {
						w.Close()
					}
				}()
				time.Sleep(time.Minute)
				run.signals <- syscall.SIGINT
				o := run.end(t)
				if after := o.took - time.Minute; after > grace+150*time.Millisecond {
					t.Errorf("ended %v after the signal, want %v at most", after, grace)
				}
				if o.status != exitIncomplete || o.stats.Offered != uint64(c.lines) {
					t.Errorf("exit status %d with %d of %d lines offered", o.status, o.stats.Offered, c.lines)
				}
			})
		})
	}
}

// hostage makes appends wait for a sink however long it is stuck.
func hostage() (cfg fapilog.Config) {
	cfg.Journal.MaxBytes, cfg.MaxRecord = 8<<10, 1<<10
	cfg.Defaults.Breaker.Off = true
	return cfg
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	for name, cfg := range map[string]fapilog.Config{"while it drains": {}, "while an append waits": hostage()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stuck := &sinktest.Script{Then: sinktest.Stuck()}
				defer stuck.Release()
				run := start(t, cfg, limits{time.Hour, time.Hour}, strings.NewReader(numbered(2000)), stuck)
				time.Sleep(time.Minute)
				run.signals <- syscall.SIGTERM
				time.Sleep(time.Minute)
				run.signals <- syscall.SIGTERM
				o := run.end(t)
				if after := o.took - 2*time.Minute; after > 150*time.Millisecond {
					t.Errorf("ended %v after the second signal", after)
				}
				if o.status != exitIncomplete || o.stats.Offered != 2000 {
					t.Errorf("exit status %d with %d lines offered", o.status, o.stats.Offered)
				}
			})
		})
	}
}

// timeout(1) signals its child, and at once the group that the child is in.
func TestSignalThatComesTwiceAtOnceLeavesTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const needs = 5 * time.Second
		slow := &sinktest.Script{Then: sinktest.Slow(needs)}
		run := start(t, fapilog.Config{}, limits{time.Hour, 10 * time.Second}, strings.NewReader(numbered(10)), slow)
		run.signals <- syscall.SIGTERM
		run.signals <- syscall.SIGTERM
		time.Sleep(oneAsking - 1)
		run.signals <- syscall.SIGHUP
		if o := run.end(t); o.status != exitOK || o.took != needs {
			t.Errorf("ended after %v with status %d, want %v and 0", o.took, o.status, needs)
		}
		checkNumbered(t, slow.Records(), 10)
	})
}

// deaf is a standard error that nobody reads.
type deaf struct{ released chan struct{} }

func (d deaf) Write(p []byte) (int, error) {
	<-d.released
	return len(p), nil
}

func TestStuckStandardErrorDoesNotOutliveTheSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := deaf{make(chan struct{})}
		defer close(stderr.released)
		cfg := fapilog.Config{Diagnostics: slog.New(slog.DiscardHandler), Routes: []fapilog.Route{{Sink: new(sinktest.Memory)}}}
		s, err := openPipe(newPipeFlags(), forPipe(cfg), limits{time.Minute, time.Second}, streams{in: strings.NewReader(numbered(3)), err: stderr})
		if err != nil {
			t.Fatal(err)
		}
		signals := make(chan os.Signal, 2)
		ended := make(chan int, 1)
		go func() { ended <- s.run(signals) }()
		time.Sleep(time.Hour)
		select {
		case <-ended:
			t.Fatal("the ledger was given up without a signal")
		default:
		}
		signals <- syscall.SIGTERM
		time.Sleep(oneAsking)
		signals <- syscall.SIGTERM
		began := time.Now()
		if status := <-ended; status != exitOK || time.Since(began) > lastWords {
			t.Errorf("ended %v after the signals with status %d", time.Since(began), status)
		}
	})
}
