package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// everyArm returns all arms that write to destinations, with the numbers of sinks
// that are asked for where a library fans out.
func everyArm(journalBytes int64, fanout ...int) (arms []arm) {
	ours := pipeline{journalBytes: journalBytes}
	direct := ours
	direct.direct = true
	for _, shape := range []string{inCall, prebuilt} {
		for _, n := range fanout {
			arms = append(arms, ours.arm("", shape, n), ours.withoutRedaction().arm("redaction off", shape, n), direct.arm("Handler.LogAttrs", shape, n))
			for _, p := range peers {
				if p.name != nameOTel && (n == 1 || p.name != nameSlog) {
					arms = append(arms, p.arm(shape, n))
				}
			}
		}
	}
	return arms
}

// name is for subtests.
func (a arm) name() string { return fmt.Sprintf("%s, %d", a, a.sinks) }

func TestEveryArmWritesTheSameRecordToEveryDestination(t *testing.T) {
	want := map[string]any{
		"level": "INFO", "msg": message, "path": attrPath, "status": float64(attrCode),
		"took": float64(attrTook), "cached": attrCache, "err": errUpstream.Error(),
	}
	const calls = 3
	for _, a := range everyArm(1<<20, 1, 3, 8) {
		t.Run(a.name(), func(t *testing.T) {
			want := want
			if a.library == namePhusluLogger || a.library == namePhusluAsync { // has other names, and durations in milliseconds
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
	s, err := c.open(c.arm("", inCall, 1), d)
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
	s, err := c.open(c.arm("", inCall, 1), discard())
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
	s := &session{dir: t.TempDir()}
	const calls = 6100
	lines := map[string]int{}
	counted := func() (destinations, error) {
		d, err := s.files()
		empty := d.clear
		d.clear = func() error { return errors.Join(countLines(s.dir, lines), empty()) }
		return d, err
	}
	for _, n := range []int{1, 3} {
		arms := []arm{(pipeline{journalBytes: 1 << 20}).arm("", inCall, n)}
		for _, name := range []string{nameZap, nameZapBuffered, nameSlogBuffered, namePhusluAsync} {
			if raceEnabled && name == namePhusluAsync {
				continue // AsyncWriter looks at an entry's length after another goroutine has it
			}
			arms = append(arms, peerNamed(name).arm(inCall, n))
		}
		for _, a := range arms {
			clear(lines)
			d, err := counted()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := measure(a, d, calls, 2); err != nil {
				t.Fatal(err)
			}
			total := 0
			for _, n := range lines {
				total += n
			}
			if want := n * (calls + calls/warm); total != want {
				t.Errorf("%s: %d records in %v, want %d in %d files", a, total, lines, want, n)
			}
			if left, _ := os.ReadDir(s.dir); len(left) > 0 {
				t.Errorf("%s leaves %v", a, left)
			}
		}
	}
}

func TestOTelBridgeCarriesTheRecord(t *testing.T) {
	s, err := peerNamed(nameOTel).arm(inCall, 2).open(peerNamed(nameOTel).arm(inCall, 2), discard())
	if err != nil {
		t.Fatal(err)
	}
	s.log(100) // fits into its queue
	if _, err := s.check(100); err != nil {
		t.Error(err)
	}
	if _, err := s.check(1); err == nil {
		t.Error("a record that did not arrive is not told of")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestDropsOfADiodeAreToldOf(t *testing.T) {
	w := &diodes{to: io.Discard}
	w.open()
	w.missed.Add(7)
	if err := lost(w.missed.Swap(0), 100); err == nil || !strings.Contains(err.Error(), "7 %") {
		t.Errorf("7 of 100: %v", err)
	}
	if err := lost(w.missed.Swap(0), 100); err != nil {
		t.Errorf("none of 100: %v", err)
	}
	if err := w.writer.Close(); err != nil {
		t.Error(err)
	}
}

// The healthy sinks' ledgers decide, not that of the one that is spared.
func TestAHungSinkThatIsSparedDoesNotVoidTheFigure(t *testing.T) {
	c := pipeline{journalBytes: 1 << 20, spared: 1, diagnostics: slog.New(slog.DiscardHandler)}
	calls := callsFor(c.journalBytes)
	for name, d := range map[string]destinations{"hung": firstHangs(), "none hung": firstMayDrop()} {
		a := c.arm("", inCall, 3)
		s, err := a.open(a, d)
		if err != nil {
			t.Fatal(err)
		}
		s.log(calls)
		if ledger, err := s.check(calls); err != nil || !strings.Contains(ledger, "to 2 sinks, lost 0, pending 0") {
			t.Errorf("%s: %v, %s", name, err, ledger)
		}
		if err := s.close(); err != nil && name == "none hung" {
			t.Error(err)
		}
	}
}

// countLines adds to lines how many each file in a directory of dir has.
func countLines(dir string, lines map[string]int) error {
	names, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, name := range names {
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
			continue // a library's link to its newest file
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		lines[filepath.Base(name)] += bytes.Count(text, []byte("\n"))
	}
	return nil
}

// Each of several arms gets all of its calls, whatever their number, and the
// ledger of the last turn has them all.
func TestArmsThatTakeTurnsMakeAllTheirCalls(t *testing.T) {
	s := &session{rounds: 2, journal: 1 << 20, dir: t.TempDir(), log: io.Discard}
	arms := []arm{pipeline{journalBytes: s.journal}.arm("", inCall, 2), peerNamed(nameZap).arm(inCall, 2), peerNamed(nameZapBuffered).arm(inCall, 2)}
	found, err := sides(s, s.files, 2, arms)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range found {
		want := arms[i].calls(s.journal) / 2 * 2
		for _, y := range slices.Concat(x.rounds...) {
			if y.calls != want || y.void != nil || y.wall <= 0 || y.elapsed <= 0 {
				t.Errorf("%s: %+v, want %d calls", x.arm, y, want)
			}
		}
		if n := len(slices.Concat(x.rounds...)); len(x.rounds) != s.rounds || n != s.rounds*turns {
			t.Errorf("%s: %d rounds with %d turns, want %d with %d each", x.arm, len(x.rounds), n, s.rounds, turns)
		}
	}
	if left, _ := os.ReadDir(s.dir); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}
