package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// capture keeps what reaches each destination.
type capture struct {
	mu  sync.Mutex
	got map[int]*bytes.Buffer
}

func (c *capture) destinations() destinations {
	c.got = map[int]*bytes.Buffer{}
	return destinations{
		kind:   "memory",
		writer: func(i int) (io.WriteCloser, error) { return nopCloser{captured{c, i}}, nil },
		route: func(i int) fapilog.Route {
			w := captured{c, i}
			return fapilog.Route{Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
				for _, r := range batch {
					_, _ = w.Write(append(bytes.Clone(r.JSON), '\n'))
				}
				return nil
			})}
		},
	}
}

type captured struct {
	*capture
	i int
}

func (c captured) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.got[c.i] == nil {
		c.got[c.i] = new(bytes.Buffer)
	}
	return c.got[c.i].Write(p)
}

func TestEveryArmWritesTheSameRecordToEveryDestination(t *testing.T) {
	want := map[string]any{
		"level": "INFO", "msg": message, "path": attrPath, "status": float64(attrCode),
		"took": float64(attrTook), "cached": attrCache, "err": errUpstream.Error(),
	}
	const calls = 3
	for _, a := range allArms(1<<20, []int{1, 3, 8}) {
		t.Run(a.String(), func(t *testing.T) {
			want := want
			if a.library == namePhusluLogger { // has other names, and durations in milliseconds
				want = maps.Clone(want)
				want["level"], want["message"], want["took"] = "info", message, float64(attrTook)/1e6
				delete(want, "msg")
			}
			var c capture
			s, err := a.open(a, c.destinations())
			if err != nil {
				t.Fatal(err)
			}
			s.log(calls)
			if err := s.close(); err != nil {
				t.Fatal(err)
			}
			if len(c.got) != a.sinks {
				t.Fatalf("%d destinations were written to, want %d", len(c.got), a.sinks)
			}
			for i, b := range c.got {
				if n := bytes.Count(b.Bytes(), []byte("\n")); n != calls {
					t.Errorf("destination %d has %d records, want %d", i, n, calls)
				}
				for line := range bytes.Lines(b.Bytes()) {
					checkRecord(t, line, want)
				}
			}
		})
	}
}

func checkRecord(t *testing.T, line []byte, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if got["time"] == nil {
		t.Errorf("%s has no time", line)
	}
	delete(got, "time")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("keys %v of\n%s\ndiffer from %v", slices.Sorted(maps.Keys(got)), line, want)
	}
	if len(line) < recordBytes() {
		t.Errorf("%d bytes, and recordBytes says %d", len(line), recordBytes())
	}
}

func TestRunThatLosesRecordsDoesNotCount(t *testing.T) {
	release := make(chan struct{}) // closed when all calls are made
	d := discard()
	d.route = func(int) fapilog.Route {
		return fapilog.Route{Sink: sink.Func(func(context.Context, []sink.Record) error { <-release; return nil })}
	}
	c := pipeline{journalBytes: 1 << 20, onFull: fapilog.DropOldest, diagnostics: slog.New(slog.DiscardHandler)}
	calls := callsFor(c.journalBytes)
	s, err := c.open(arm{library: nameFapilog, shape: inCall, sinks: 1}, d)
	if err != nil {
		t.Fatal(err)
	}
	s.log(calls)
	close(release)
	if ledger, err := s.check(calls); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("%v for the ledger %s", err, ledger)
	}
	_ = s.close()
}

func TestRunThatFitsIntoTheJournalDoesNotCount(t *testing.T) {
	c := pipeline{journalBytes: 1 << 20}
	s, err := c.open(arm{library: nameFapilog, shape: inCall, sinks: 1}, discard())
	if err != nil {
		t.Fatal(err)
	}
	s.log(10)
	if ledger, err := s.check(10); err == nil || !strings.Contains(err.Error(), "fewer than 10") {
		t.Errorf("%v for the ledger %s", err, ledger)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesGetEveryRecordAndAreClearedAfterTheRun(t *testing.T) {
	dir := t.TempDir()
	d := files(dir)
	remove := d.clear
	const calls = 6100
	lines := map[string]int{}
	d.clear = func() error {
		names, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			lines[filepath.Base(name)] = bytes.Count(text, []byte("\n"))
		}
		return remove()
	}
	for _, a := range allArms(1<<20, []int{3}) {
		if a.shape != inCall || a.detail != "" || a.library != nameFapilog && a.library != "zap Tee" {
			continue
		}
		if _, err := measure(a, d, calls, 2); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range lines {
		if want := calls + calls/5; n != want {
			t.Errorf("%s has %d records, want %d", name, n, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(lines) != 6 || len(left) > 0 {
		t.Errorf("files written %v, left %v", lines, left)
	}
}
