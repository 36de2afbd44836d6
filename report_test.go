package fapilog

import (
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestDiagnosticsAreLimitedPerKindAndSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, text := lines()
		cfg := Delivery{RetryBase: time.Second, RetryMax: time.Second}
		cfg.Breaker.Off = true
		p := open(t, Config{Diagnostics: logger, Defaults: cfg}, failing(25), failing(1))
		constant(p, 0.5)
		log(p, 0, 5)
		time.Sleep(time.Minute)
		delivers(t, p)
		// Failures of a at 0, 0.5, 1 … 12 s; told at 0 and 10 s, 19 not told before and 4 after.
		want := []string{
			`level=WARN msg="sink attempt failed" sink=a records=5 error="connection refused"`,
			`level=WARN msg="sink attempt failed" sink=b records=5 error="connection refused"`,
			`level=WARN msg="sink attempt failed" sink=a suppressed=19 records=5 error="connection refused"`,
			`level=WARN msg="further diagnostics suppressed" sink=a kind=failed suppressed=4`,
		}
		got := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
		for i := range got {
			_, got[i], _ = strings.Cut(got[i], " ") // the time
		}
		slices.Sort(got[:min(2, len(got))]) // two sinks, one moment
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestEveryTransitionIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, text := lines()
		p := open(t, Config{Diagnostics: logger, Defaults: Delivery{Breaker: once}}, failing(20))
		log(p, 0, 5)
		time.Sleep(time.Hour)
		delivers(t, p)
		for line, want := range map[string]int{
			`msg="sink circuit open" sink=a`: 20, `msg="sink circuit half-open" sink=a`: 20, `msg="sink circuit closed" sink=a`: 1,
		} {
			if n := strings.Count(text.String(), line); n != want {
				t.Errorf("%d lines %s, want %d", n, line, want)
			}
		}
	})
}

// disturbed runs a pipeline beside something that goes wrong with its reports,
// and fails the test if a delivery or Close notices.
func disturbed(t *testing.T, cfg Config) Stats {
	t.Helper()
	var healthy sinktest.Memory
	cfg.Defaults.RetryMax = time.Second
	cfg.Defaults.Breaker.Off = true
	p := open(t, cfg, failing(2000), &healthy)
	constant(p, 0.5)
	start := time.Now()
	for n := range 100 {
		log(p, n*10, 10)
		time.Sleep(20 * time.Millisecond)
	}
	if took := time.Since(start); took != 2*time.Second {
		t.Errorf("the caller took %v", took)
	}
	synctest.Wait()
	holds(t, "healthy", &healthy, upTo(1000))
	time.Sleep(time.Hour)
	start = time.Now()
	if err := p.Close(limit(t, time.Minute)); err != nil || time.Since(start) > 100*time.Millisecond {
		t.Errorf("Close returned %v after %v", err, time.Since(start))
	}
	return balanced(t, p)
}

func TestReportsDisturbNobody(t *testing.T) {
	to := func(w writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
	tests := []struct {
		name string
		cfg  func(free <-chan struct{}) Config
	}{
		{"OnEvent hangs", func(free <-chan struct{}) Config { return Config{OnEvent: func(Event) { <-free }} }},
		{"OnEvent panics", func(<-chan struct{}) Config { return Config{OnEvent: func(Event) { panic("boom") }} }},
		{"OnEvent ends its goroutine", func(<-chan struct{}) Config { return Config{OnEvent: func(Event) { runtime.Goexit() }} }},
		{"diagnostics hang", func(free <-chan struct{}) Config {
			return Config{Diagnostics: to(func([]byte) (int, error) { <-free; return 0, nil })}
		}},
		{"diagnostics panic", func(<-chan struct{}) Config {
			return Config{Diagnostics: to(func([]byte) (int, error) { panic("boom") })}
		}},
		{"diagnostics fail", func(<-chan struct{}) Config {
			return Config{Diagnostics: to(func([]byte) (int, error) { return 0, io.ErrClosedPipe })}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				free := make(chan struct{})
				defer close(free)
				if s := disturbed(t, test.cfg(free)); !s.Complete() || s.Sinks[0].Failures != 2000 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestPanickingOnEventIsCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard events
		p := open(t, Config{OnEvent: func(e Event) { heard.note(e); panic("boom") }}, failing(3))
		log(p, 0, 1)
		time.Sleep(time.Minute)
		if n := len(heard.of(EventFailed)); n != 3 {
			t.Errorf("OnEvent was called %d times, want 3", n)
		}
	})
}

// writer is an io.Writer that calls itself.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestMissedEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var once sync.Once
		var heard events
		cfg := Config{OnEvent: func(e Event) {
			once.Do(func() { <-free })
			heard.note(e)
		}}
		cfg.Defaults.RetryMax = time.Second
		cfg.Defaults.Breaker.Off = true
		p := open(t, cfg, failing(3000))
		constant(p, 0.5)
		log(p, 0, 10)
		time.Sleep(time.Hour)
		close(free)
		synctest.Wait()
		p.deliveries[0].report(Event{Kind: EventFailed})
		synctest.Wait()
		var told, missed uint64
		for _, e := range heard.of(EventFailed) {
			told++
			missed += e.Missed
		}
		if told != eventQueue+2 || told+missed != 3001 {
			t.Errorf("%d events were told, %d missed, of 3001", told, missed)
		}
	})
}

func TestEventsHaveTheirTimeAndSinkAndComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard events
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(errDown), sinktest.Verdict(sink.Park, 0), sinktest.OK(), sinktest.Verdict(sink.Gone, 0)}}
		cfg := Delivery{Breaker: once}
		p := open(t, Config{OnEvent: heard.note, Defaults: cfg}, s)
		constant(p, 0)
		start := time.Now()
		log(p, 0, 1)
		time.Sleep(2 * time.Minute)
		log(p, 1, 1)
		delivers(t, p)
		var got []string
		for _, e := range heard.all {
			got = append(got, fmt.Sprint(e.Time.Sub(start).Round(time.Second), " ", e.Sink, " ", e.Kind, " ", e.To))
		}
		want := []string{"0s a failed closed", "0s a circuit open", "30s a circuit half-open", "30s a parked closed",
			"1m30s a resumed closed", "1m30s a circuit closed", "2m0s a gone closed", "2m0s a dropped closed"}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}
