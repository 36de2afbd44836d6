package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// outcome is how a session ended.
type outcome struct {
	status int
	took   time.Duration
	stderr string
	stats  fapilog.Stats // the ledger on the last line
}

// running is a session under way.
type running struct {
	signals chan os.Signal
	ended   chan outcome
}

// start begins a session as pipe does.
func start(t *testing.T, cfg fapilog.Config, l limits, in io.Reader, sinks ...sink.Sink) running {
	t.Helper()
	for i, s := range sinks {
		cfg.Routes = append(cfg.Routes, fapilog.Route{Name: string(rune('a' + i)), Sink: s})
	}
	cfg.Diagnostics = slog.New(slog.DiscardHandler)
	var stderr bytes.Buffer
	s, err := openPipe(newPipeFlags(), forPipe(cfg), l, streams{in: in, err: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	return runs(s, &stderr)
}

// runs sets a session going that writes to stderr.
func runs(s *session, stderr *bytes.Buffer) running {
	r := running{make(chan os.Signal, 2), make(chan outcome, 1)}
	began := time.Now()
	go func() {
		o := outcome{status: s.run(r.signals), took: time.Since(began)}
		o.stderr = stderr.String()
		r.ended <- o
	}()
	return r
}

// end waits for the end and reads the ledger.
func (r running) end(t *testing.T) outcome {
	t.Helper()
	o := <-r.ended
	o.stats = ledger(t, o.stderr)
	return o
}

// ledger reads the last line of what was written to standard error, and checks
// that it adds up.
func ledger(t *testing.T, stderr string) (s fapilog.Stats) {
	t.Helper()
	text, ended := strings.CutSuffix(stderr, "\n")
	if !ended {
		t.Fatalf("standard error does not end with a line: %q", stderr)
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	if err := json.Unmarshal([]byte(last), &s); err != nil {
		t.Fatalf("the last line on standard error is no ledger: %v: %s", err, last)
	}
	if sum := s.Appended + s.Closed + s.EncodeFailed + s.Refused; sum != s.Offered {
		t.Errorf("offered %d, but the terms add up to %d: %s", s.Offered, sum, last)
	}
	for _, k := range s.Sinks {
		sum := k.Filtered + k.Delivered + k.Diverted + k.Quarantined + k.Pending
		for _, n := range k.Dropped {
			sum += n
		}
		if sum != k.Appended {
			t.Errorf("%s: appended %d, but the terms add up to %d: %s", k.Name, k.Appended, sum, last)
		}
	}
	return s
}

// numbered returns n lines.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

// checkNumbered fails unless the records are the first n lines of numbered, once
// each and in order.
func checkNumbered(t *testing.T, records []sink.Record, n int) {
	t.Helper()
	if len(records) != n {
		t.Errorf("%d records, want %d", len(records), n)
	}
	for i, r := range records {
		if want := fmt.Sprintf(`"msg":"line %d"}`, i); !strings.HasSuffix(string(r.JSON), want) {
			t.Fatalf("record %d is %s, want one that ends with %s", i, r.JSON, want)
		}
	}
}

func TestEveryLineIsARecordOfEverySink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b sinktest.Memory
		o := start(t, fapilog.Config{}, limits{time.Minute, 10 * time.Second}, strings.NewReader(numbered(5000)), &a, &b).end(t)
		if o.status != exitOK {
			t.Errorf("exit status %d; %s", o.status, o.stderr)
		}
		checkNumbered(t, a.Records(), 5000)
		checkNumbered(t, b.Records(), 5000)
		if !a.Closed() || !b.Closed() {
			t.Error("a sink was not closed")
		}
		if strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("more than the ledger on standard error: %s", o.stderr)
		}
	})
}

func TestLineFarBeyondTheLimitIsCutAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 10 << 20
		var m sinktest.Memory
		in := io.MultiReader(&endless{size}, strings.NewReader("\r\nline 1"))
		o := start(t, fapilog.Config{}, limits{time.Minute, time.Second}, in, &m).end(t)
		if o.status != exitOK || m.Len() != 2 {
			t.Fatalf("%d records and exit status %d, want 2 and 0", m.Len(), o.status)
		}
		record := m.Records()[0].JSON
		if want := fmt.Sprintf(`"truncated":true,"original_size":%d}`, size); len(record) > maxLine || !strings.HasSuffix(string(record), want) {
			t.Errorf("a record of %d bytes that ends with %s, want %d at most and %s", len(record), record[len(record)-60:], maxLine, want)
		}
	})
}

func TestObjectFarBeyondTheLimitKeepsItsLevelAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 300_000
		head := `{"level":"error","time":"2020-01-02T03:04:05Z","msg":"boom","stack":"`
		var m sinktest.Memory
		cfg := fapilog.Config{Defaults: fapilog.Delivery{Level: slog.LevelError}}
		in := strings.NewReader(head + strings.Repeat("x", size) + "\"}\n")
		if o := start(t, cfg, limits{time.Minute, time.Second}, in, &m).end(t); o.status != exitOK || m.Len() != 1 {
			t.Fatalf("%d records and exit status %d, want 1 and 0", m.Len(), o.status)
		}
		r := m.Records()[0]
		end := fmt.Sprintf(`","truncated":true,"original_size":%d}`, len(head)+size+len(`"}`))
		if !strings.HasPrefix(string(r.JSON), head) || !strings.HasSuffix(string(r.JSON), end) || len(r.JSON) < maxLine-100 || len(r.JSON) > maxLine {
			t.Errorf("%d bytes: %.100s…%s", len(r.JSON), r.JSON, r.JSON[len(r.JSON)-100:])
		}
		if want := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC); r.Level != slog.LevelError || !r.Time.Equal(want) {
			t.Errorf("%v at %v", r.Level, r.Time)
		}
	})
}

func TestNoLineIsFilteredUnlessALevelIsSet(t *testing.T) {
	const in = `{"level":"trace","msg":"x"}` + "\n" + `{"lvl":7,"msg":"x"}` + "\n" + "x\n"
	for name, c := range map[string]struct {
		level slog.Leveler
		want  int
	}{
		"no level": {nil, 3},
		"info":     {slog.LevelInfo, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m sinktest.Memory
				o := start(t, fapilog.Config{Level: c.level}, limits{time.Minute, time.Second}, strings.NewReader(in), &m).end(t)
				if o.status != exitOK || m.Len() != c.want {
					t.Errorf("%d records and exit status %d, want %d and 0", m.Len(), o.status, c.want)
				}
			})
		})
	}
}

func TestDrainGivesUpWhenNoSinkHasProgressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy, refusing := new(sinktest.Memory), &sinktest.Script{Then: sinktest.Fail(errors.New("no"))}
		o := start(t, fapilog.Config{}, limits{time.Minute, 0}, strings.NewReader(numbered(10)), healthy, refusing).end(t)
		// The healthy sink's progress shows at the first look, a second after the start.
		if o.took < time.Minute || o.took > time.Minute+2*progressInterval {
			t.Errorf("gave up after %v, want a minute and the time to notice", o.took)
		}
		checkNumbered(t, healthy.Records(), 10)
		if k := o.stats.Sinks[1]; o.status != exitIncomplete || k.Pending != 10 {
			t.Errorf("exit status %d with %d pending, want 3 with 10", o.status, k.Pending)
		}
	})
}

func TestDrainGoesOnWhileASinkProgresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &sinktest.Script{Then: sinktest.Slow(9 * time.Second)}
		cfg := fapilog.Config{Defaults: fapilog.Delivery{BatchRecords: 1}}
		o := start(t, cfg, limits{10 * time.Second, time.Second}, strings.NewReader(numbered(100)), slow).end(t)
		if o.took != 900*time.Second || o.status != exitOK {
			t.Errorf("ended after %v with status %d, want 15m0s and 0", o.took, o.status)
		}
		checkNumbered(t, slow.Records(), 100)
	})
}

func TestDrainWithoutLimitWaitsForARecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := time.Now().Add(24 * time.Hour)
		s := &sinktest.Script{Answer: func(int, []sink.Record) sinktest.Step {
			if time.Now().Before(up) {
				return sinktest.Fail(errors.New("down"))
			}
			return sinktest.OK()
		}}
		o := start(t, fapilog.Config{}, limits{0, time.Second}, strings.NewReader(numbered(10)), s).end(t)
		if o.status != exitOK || o.took < 24*time.Hour {
			t.Errorf("ended after %v with status %d", o.took, o.status)
		}
		checkNumbered(t, s.Records(), 10)
	})
}

func TestSinkThatComesBackInCloseGetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The circuit opens at the first failure and stays open; only Close tries past it.
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(errors.New("down"))}}
		cfg := fapilog.Config{}
		cfg.Defaults.Breaker.Failures, cfg.Defaults.Breaker.Recovery = 1, time.Hour
		o := start(t, cfg, limits{time.Minute, 10 * time.Second}, strings.NewReader(numbered(10)), s).end(t)
		if o.status != exitOK {
			t.Errorf("exit status %d; %s", o.status, o.stderr)
		}
		checkNumbered(t, s.Records(), 10)
	})
}

func TestFullJournalMakesTheInputWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &sinktest.Script{Then: sinktest.Slow(time.Second)}
		var fast sinktest.Memory
		cfg := fapilog.Config{Journal: journal.Config{MaxBytes: 8 << 10}, MaxRecord: 1 << 10}
		const n = 2000
		o := start(t, cfg, limits{time.Minute, time.Second}, strings.NewReader(numbered(n)), slow, &fast).end(t)
		if o.status != exitOK || o.took < 10*time.Second {
			t.Errorf("ended after %v with status %d; %s", o.took, o.status, o.stderr)
		}
		checkNumbered(t, slow.Records(), n)
		checkNumbered(t, fast.Records(), n)
	})
}

func TestFullJournalDoesNotWaitForASinkThatDoesNotWork(t *testing.T) {
	for name, c := range map[string]struct {
		then   sinktest.Step
		reason fapilog.Reason // of the lines that it lost
	}{
		"its circuit is open": {sinktest.Fail(errors.New("down")), fapilog.DroppedOverflow},
		"it is stuck":         {sinktest.Stuck(), fapilog.DroppedOverflow}, // until its circuit is open
		"it is parked":        {sinktest.Verdict(sink.Park, 0), fapilog.DroppedOverflow},
		"it is gone":          {sinktest.Verdict(sink.Gone, 0), fapilog.DroppedGone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := &sinktest.Script{Then: c.then}
				defer broken.Release()
				var healthy sinktest.Memory
				cfg := fapilog.Config{Journal: journal.Config{MaxBytes: 8 << 10}, MaxRecord: 1 << 10}
				const n = 2000
				o := start(t, cfg, limits{time.Second, time.Second}, strings.NewReader(numbered(n)), broken, &healthy).end(t)
				checkNumbered(t, healthy.Records(), n)
				k := o.stats.Sinks[0]
				if o.status != exitIncomplete || k.Dropped[c.reason] == 0 {
					t.Errorf("exit status %d, %v dropped; want 3 and some as %s", o.status, k.Dropped, c.reason)
				}
				if o.took > 5*time.Minute {
					t.Errorf("took %v", o.took)
				}
			})
		})
	}
}

// A sink without a circuit is waited for however long its reader pauses, and the
// other one with it.
func TestFullJournalWaitsForAReaderThatPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paused := &sinktest.Script{Steps: []sinktest.Step{sinktest.Stuck()}}
		var healthy sinktest.Memory
		cfg := fapilog.Config{Journal: journal.Config{MaxBytes: 8 << 10}, MaxRecord: 1 << 10}
		cfg.Defaults.Breaker.Off = true
		const n = 20_000 // far more than the journal holds and is read ahead
		in, w := io.Pipe()
		run := start(t, cfg, limits{time.Minute, time.Second}, in, paused, &healthy)
		written := make(chan struct{}) // closed when everything has been read
		go func() {
			defer close(written)
			_, _ = io.WriteString(w, numbered(n))
			w.Close()
		}()
		time.Sleep(24 * time.Hour)
		held := healthy.Len()
		select {
		case <-written:
			t.Error("everything was read while the reader paused")
		default:
		}
		time.Sleep(24 * time.Hour)
		if healthy.Len() != held || held == 0 || paused.Len() != 0 {
			t.Errorf("%d lines were taken after a day, %d after two; the one who paused has %d", held, healthy.Len(), paused.Len())
		}
		paused.Release()
		if o := run.end(t); o.status != exitOK {
			t.Errorf("exit status %d; %s", o.status, o.stderr)
		}
		checkNumbered(t, paused.Records(), n)
		checkNumbered(t, healthy.Records(), n)
	})
}

func TestReadingEndsWhenAllSinksAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, w := io.Pipe()
		defer w.Close() // ends the read that is under way
		a := &sinktest.Script{Then: sinktest.Verdict(sink.Gone, 0)}
		b := &sinktest.Script{Steps: []sinktest.Step{sinktest.OK()}, Then: sinktest.Verdict(sink.Gone, 0)}
		run := start(t, fapilog.Config{}, limits{time.Minute, time.Second}, in, a, b)
		for i := range 2 {
			if len(run.ended) > 0 {
				t.Fatal("the session ended while a sink was there")
			}
			fmt.Fprintf(w, "line %d\n", i)
			time.Sleep(time.Minute)
		}
		o := run.end(t)
		if o.status != exitIncomplete || o.took > 2*time.Minute {
			t.Errorf("ended after %v with status %d", o.took, o.status)
		}
		checkNumbered(t, b.Records(), 1)
	})
}

func TestReadErrorIsToldAfterWhatWasReadIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := io.MultiReader(strings.NewReader(numbered(3)), iotest.ErrReader(syscall.EIO))
		var m sinktest.Memory
		o := start(t, fapilog.Config{}, limits{time.Minute, time.Second}, in, &m).end(t)
		checkNumbered(t, m.Records(), 3)
		if o.status != exitIncomplete || !strings.Contains(o.stderr, syscall.EIO.Error()) {
			t.Errorf("exit status %d; %s", o.status, o.stderr)
		}
	})
}

func TestExitStatusIsZeroOnlyIfEveryRecordWasDelivered(t *testing.T) {
	for name, c := range map[string]struct {
		then sinktest.Step
		cfg  fapilog.Delivery
		want int
	}{
		"delivered":   {sinktest.OK(), fapilog.Delivery{}, exitOK},
		"dropped":     {sinktest.Verdict(sink.Rejected, 0), fapilog.Delivery{}, exitIncomplete},
		"quarantined": {sinktest.Verdict(sink.Rejected, 0), fapilog.Delivery{Quarantine: t.TempDir()}, exitIncomplete},
		"left":        {sinktest.Verdict(sink.Park, 0), fapilog.Delivery{}, exitIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sinktest.Script{Then: c.then}
				o := start(t, fapilog.Config{Defaults: c.cfg}, limits{time.Second, time.Second}, strings.NewReader(numbered(3)), s).end(t)
				if o.status != c.want {
					t.Errorf("exit status %d, want %d; %s", o.status, c.want, o.stderr)
				}
			})
		})
	}
}
