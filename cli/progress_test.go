package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func row(name string, delivered uint64, change func(*fapilog.SinkStats)) fapilog.SinkStats {
	k := fapilog.SinkStats{Name: name, Appended: delivered, Delivered: delivered}
	if change != nil {
		change(&k)
	}
	return k
}

func TestProgressSaysHowThingsGo(t *testing.T) {
	fine := row("stdout", 1234567, nil)
	failing := row("loki", 1200000, func(k *fapilog.SinkStats) {
		k.Pending, k.OldestPending, k.Circuit = 34567, 83*time.Second, breaker.Open
		k.LastError = "post: connection refused\x1b[2J\nby 127.0.0.1:3100"
	})
	for name, c := range map[string]struct {
		last, now fapilog.Stats
		elapsed   time.Duration
		on        screen
		want      string
	}{
		"all is well": {fapilog.Stats{Appended: 1230000}, fapilog.Stats{Appended: 1234567, JournalBytes: 4 << 20, Sinks: []fapilog.SinkStats{fine}}, time.Second, screen{80, 24}, `
1,234,567 records  4,567/s  journal 4096.0KiB
  stdout  1,234,567 delivered
`},
		"a sink fails": {fapilog.Stats{}, fapilog.Stats{Appended: 999, Sinks: []fapilog.SinkStats{fine, failing}}, 2 * time.Second, screen{120, 24}, `
999 records  500/s  journal 0B
  stdout  1,234,567 delivered
  loki    1,200,000 delivered  34,567 behind, 1m23s  circuit open  post: connection refused [2J by 127.0.0.1:3100
`},
		"there is little room": {fapilog.Stats{}, fapilog.Stats{Sinks: []fapilog.SinkStats{fine, failing}}, time.Second, screen{44, 24}, `
0 records  0/s  journal 0B
  stdout  1,234,567 delivered
  loki    1,200,000 delivered  34,567 behi…
`},
		"the rows are few": {fapilog.Stats{}, fapilog.Stats{Sinks: []fapilog.SinkStats{fine, row("b", 2, nil), row("c", 3, nil), failing}}, time.Second, screen{60, 5}, `
0 records  0/s  journal 0B
  loki    1,200,000 delivered  34,567 behind, 1m23s  circu…
  stdout  1,234,567 delivered
  and 2 more
`},
		"one is parked, one gone, one tried": {fapilog.Stats{}, fapilog.Stats{Sinks: []fapilog.SinkStats{
			row("a", 0, func(k *fapilog.SinkStats) { k.Parked, k.LastError, k.Circuit = true, "401", breaker.Open }),
			row("b", 7, func(k *fapilog.SinkStats) { k.Gone = true }),
			row("c", 8, func(k *fapilog.SinkStats) { k.Circuit, k.Pending = breaker.HalfOpen, 1 }),
		}}, time.Second, screen{80, 24}, `
0 records  0/s  journal 0B
  a  0 delivered  parked  401
  b  7 delivered  gone
  c  8 delivered  1 behind, 0.0s  circuit half-open
`},
		"records are lost": {fapilog.Stats{}, fapilog.Stats{Sinks: []fapilog.SinkStats{row("a", 5, func(k *fapilog.SinkStats) {
			k.Quarantined, k.LostBefore = 4, 3
			k.Dropped = map[fapilog.Reason]uint64{fapilog.DroppedOverflow: 10, fapilog.DroppedGone: 1}
			k.LastError = "an old one"
		})}}, time.Second, screen{80, 24}, `
0 records  0/s  journal 0B
  a  5 delivered  12 lost
`},
		"a long name in a wide script": {fapilog.Stats{Appended: 9}, fapilog.Stats{Appended: 8, Sinks: []fapilog.SinkStats{
			row(strings.Repeat("n", 64), 5, func(k *fapilog.SinkStats) { k.Parked, k.LastError = true, strings.Repeat("日", 40) }),
		}}, time.Second, screen{60, 24}, `
8 records  0/s  journal 0B
  nnnnnnnnnnnnnnnnnnnnnnn…  5 delivered  parked  日日日日…
`},
		"no time has passed": {fapilog.Stats{}, fapilog.Stats{Appended: 8}, 0, screen{80, 24}, `
8 records  0/s  journal 0B
`},
	} {
		t.Run(name, func(t *testing.T) {
			got := "\n" + string(bytes.Join(renderProgress(c.last, c.now, c.elapsed, c.on), []byte("\n"))) + "\n"
			if got != c.want {
				t.Errorf("got%swant%s", got, c.want)
			}
		})
	}
}

func TestProgressFitsOnAnyScreen(t *testing.T) {
	var s fapilog.Stats
	for i := range 9 {
		s.Sinks = append(s.Sinks, row(fmt.Sprintf("日sink-%d", i), 1e9, func(k *fapilog.SinkStats) { k.Parked, k.LastError = i%2 == 0, "é日\u0301no" }))
	}
	for columns := range 100 {
		for rows := 3; rows < 15; rows++ {
			lines := renderProgress(fapilog.Stats{}, s, time.Second, screen{columns, rows})
			if len(lines) >= rows {
				t.Fatalf("%d lines on %d rows", len(lines), rows)
			}
			for _, l := range lines {
				n := 0
				for _, r := range string(l) {
					n += width(r)
				}
				if n > max(0, columns-1) || !utf8.Valid(l) {
					t.Fatalf("%d columns of %d in %q", n, columns, l)
				}
			}
		}
	}
}

// fakeTerminal understands what progress writes.
type fakeTerminal struct {
	lines [][]rune // the last one has the cursor
	row   int
	col   int
}

var sequence = regexp.MustCompile(`^\x1b\[(\d*)([A-Z])`)

func (f *fakeTerminal) Write(p []byte) (int, error) {
	for s := string(p); s != ""; {
		if m := sequence.FindStringSubmatch(s); m != nil {
			f.move(m[1], m[2])
			s = s[len(m[0]):]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		f.put(r)
		s = s[n:]
	}
	return len(p), nil
}

func (f *fakeTerminal) move(n, what string) {
	f.here()
	switch what {
	case "A":
		up, _ := strconv.Atoi(n)
		f.row = max(0, f.row-up)
	case "K":
		f.lines[f.row] = f.lines[f.row][:min(f.col, len(f.lines[f.row]))]
	case "J":
		f.lines[f.row] = f.lines[f.row][:min(f.col, len(f.lines[f.row]))]
		f.lines = f.lines[:f.row+1]
	}
}

func (f *fakeTerminal) put(r rune) {
	f.here()
	switch r {
	case '\n':
		f.row, f.col = f.row+1, 0
		f.here()
	case '\r':
		f.col = 0
	default:
		line := &f.lines[f.row]
		for len(*line) <= f.col {
			*line = append(*line, ' ')
		}
		(*line)[f.col] = r
		f.col++
	}
}

func (f *fakeTerminal) here() {
	for len(f.lines) <= f.row {
		f.lines = append(f.lines, nil)
	}
}

func (f *fakeTerminal) String() string {
	var b strings.Builder
	for _, l := range f.lines {
		b.WriteString(string(l) + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// shown returns what the terminal shows while nobody writes to it.
func (p *progress) shown(term *fakeTerminal) string {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	return term.String()
}

func TestDiagnosticsStandAboveTheProgressAndTheEndRemovesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := new(fakeTerminal)
		p := showOn(term, func() screen { return screen{40, 10} })
		var mu sync.Mutex // guards s
		s := fapilog.Stats{Sinks: []fapilog.SinkStats{row("a", 1, func(k *fapilog.SinkStats) { k.Parked, k.LastError = true, "a long reason" })}}
		expect := func(want string) {
			t.Helper()
			if got := "\n" + p.shown(term); got != want {
				t.Errorf("the terminal shows%swant%s", got, want)
			}
		}
		io.WriteString(p, "before\n")
		p.begin(func() fapilog.Stats {
			mu.Lock()
			defer mu.Unlock()
			s.Appended += 10
			return s
		})
		time.Sleep(redrawInterval - 1)
		synctest.Wait()
		expect("\nbefore\n")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		expect("\nbefore\n20 records  10/s  journal 0B\n  a  1 delivered  parked  a long reason\n")
		io.WriteString(p, "told, and longer than any line of the block was: much longer\ntwice\n")
		expect("\nbefore\ntold, and longer than any line of the block was: much longer\ntwice\n20 records  10/s  journal 0B\n  a  1 delivered  parked  a long reason\n")
		mu.Lock()
		s.Sinks = []fapilog.SinkStats{row("a", 5, nil)}
		mu.Unlock()
		time.Sleep(redrawInterval)
		synctest.Wait()
		expect("\nbefore\ntold, and longer than any line of the block was: much longer\ntwice\n30 records  10/s  journal 0B\n  a  5 delivered\n")
		p.end()
		io.WriteString(p, "after\n")
		expect("\nbefore\ntold, and longer than any line of the block was: much longer\ntwice\nafter\n")
		time.Sleep(time.Hour)
		expect("\nbefore\ntold, and longer than any line of the block was: much longer\ntwice\nafter\n")
	})
}

// A session that shows its progress ends as any other, with the ledger on the last
// line, and what the pipeline tells is whole.
func TestSessionWithProgressEndsWithTheLedgerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := new(fakeTerminal)
		p := showOn(term, func() screen { return screen{200, 20} })
		refusing := &sinktest.Script{Then: sinktest.Fail(errors.New("no"))}
		healthy := new(sinktest.Memory)
		cfg := forPipe(fapilog.Config{
			Diagnostics: slog.New(slog.NewTextHandler(p, nil)),
			Routes:      []fapilog.Route{{Name: "a", Sink: healthy}, {Name: "b", Sink: refusing}},
		})
		s, err := openPipe(newPipeFlags(), cfg, limits{time.Minute, 0}, streams{in: strings.NewReader(numbered(10)), err: p})
		if err != nil {
			t.Fatal(err)
		}
		s.progress = p
		seen := make(chan string)
		go func() {
			time.Sleep(30*time.Second + redrawInterval/2)
			seen <- p.shown(term)
		}()
		ended := make(chan int)
		go func() { ended <- s.run(nil) }()
		want := regexp.MustCompile(`\n10 records  0/s  journal \S+\n  a  10 delivered\n  b  0 delivered  10 behind, 3\d\.\ds  circuit (half-)?open  .*no\n$`)
		if text := <-seen; !want.MatchString(text) {
			t.Errorf("after half a minute the terminal shows\n%s", text)
		}
		if status := <-ended; status != exitIncomplete {
			t.Errorf("exit status %d", status)
		}
		text := term.String()
		if ledger(t, text).Offered != 10 || strings.Contains(text, "delivered  10 behind") {
			t.Errorf("at the end the terminal shows\n%s", text)
		}
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, "time=") && !strings.HasPrefix(l, "{") {
				t.Errorf("a line that is none of the pipeline's: %q", l)
			}
		}
	})
}

// stuckTerminal is one after Ctrl-S.
type stuckTerminal struct{ released chan struct{} }

func (s stuckTerminal) Write(p []byte) (int, error) {
	<-s.released
	return len(p), nil
}

func TestStuckTerminalDoesNotKeepTheRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := stuckTerminal{make(chan struct{})}
		p := showOn(term, func() screen { return screen{80, 24} })
		m := new(sinktest.Memory)
		cfg := forPipe(fapilog.Config{Diagnostics: slog.New(slog.NewTextHandler(p, nil)), Routes: []fapilog.Route{{Sink: m}}})
		in, w := io.Pipe()
		s, err := openPipe(newPipeFlags(), cfg, limits{time.Minute, time.Second}, streams{in: in, err: p})
		if err != nil {
			t.Fatal(err)
		}
		s.progress = p
		signals := make(chan os.Signal, 2)
		ended := make(chan int, 1)
		go func() { ended <- s.run(signals) }()
		time.Sleep(time.Hour)
		io.WriteString(w, numbered(1000))
		w.Close()
		time.Sleep(time.Hour)
		if m.Len() != 1000 || !m.Closed() {
			t.Errorf("the sink has %d records", m.Len())
		}
		signals <- os.Interrupt
		signals <- os.Interrupt
		if status := <-ended; status != exitOK {
			t.Errorf("exit status %d", status)
		}
		close(term.released)
	})
}

func TestProgressIsForTerminalsThatNoSinkWritesTo(t *testing.T) {
	if p := newProgress(streams{out: new(bytes.Buffer), err: new(bytes.Buffer)}, fapilog.Config{}); p != nil {
		t.Error("a buffer is no terminal")
	}
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if screenOf(f) != (screen{}) || screenOf((*os.File)(nil)) != (screen{}) {
		t.Error("a file is a terminal")
	}
	t.Setenv("DEST", "stderr")
	for uris, want := range map[string]bool{
		"stderr": true, "stderr://": true, " STDERR:": true, "stderr?format=json": true, "${DEST}": true,
		"stdout": false, "file:stderr": false, "stderr?enabled=false": false,
	} {
		cfg, err := fapilog.ConfigFromEnv("file:"+t.TempDir()+"/a", uris)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := cfg.Plan()
		if err != nil {
			t.Fatal(err)
		}
		if writesTo(plan, "stderr") != want {
			t.Errorf("%q writes to standard error: %v", uris, !want)
		}
	}
}
