package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/follow"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// tailing is a tail under way, in this process.
type tailing struct {
	running
	records chan string // what its sink is given
}

// startTailing starts a tail that keeps its journal in dir; empty: in memory.
func startTailing(t *testing.T, dir string, args ...string) tailing {
	t.Helper()
	return startTailingInto(t, dir, nil, args...)
}

// startTailingInto is startTailing with a sink whose attempts all fail with an error, if
// there is one.
func startTailingInto(t *testing.T, dir string, failure error, args ...string) tailing {
	t.Helper()
	f := newTailFlags()
	if _, err := f.parse(append(args, "--progress=false")); err != nil {
		t.Fatal(err)
	}
	r := tailing{running{make(chan os.Signal, 2), make(chan outcome, 1)}, make(chan string, 1000)}
	take := sink.Func(func(_ context.Context, batch []sink.Record) error {
		if failure != nil {
			return failure
		}
		for _, record := range batch {
			r.records <- string(record.JSON)
		}
		return nil
	})
	cfg := forPipe(fapilog.Config{Routes: []fapilog.Route{{Name: "a", Sink: take}}, Journal: journal.Config{Dir: dir}, Diagnostics: slog.New(slog.DiscardHandler)})
	stderr := new(lockedBuffer)
	patience := limits{time.Minute, time.Minute}
	if settling := new(sink.Error); failure != nil && !errors.As(failure, &settling) {
		patience = limits{} // it would be tried again as long
	}
	s, err := f.openTail(cfg, patience, streams{err: stderr})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		status := s.run(r.signals)
		r.ended <- outcome{status: status, stderr: stderr.String()}
	}()
	return r
}

// finish interrupts the tail and returns how it ended, what it has read, and the
// records that had not been taken.
func (r tailing) finish(t *testing.T) (o outcome, input follow.Summary, rest []string) {
	t.Helper()
	r.signals <- os.Interrupt
	o = r.end(t)
	var said struct{ Input *follow.Summary }
	lines := strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
	if len(lines) < 2 || json.Unmarshal([]byte(lines[len(lines)-2]), &said) != nil || said.Input == nil {
		t.Fatalf("the line before the last does not say what was read: %s", o.stderr)
	}
	var ledger fapilog.Stats
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &ledger); err != nil {
		t.Fatalf("the last line is no ledger: %v: %s", err, o.stderr)
	}
	close(r.records)
	for record := range r.records {
		rest = append(rest, record)
	}
	return o, *said.Input, rest
}

// lockedBuffer is written to by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func appendTo(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestTailMarksPlainLinesWithTheirFileAndPassesObjectsOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "app.log")
	appendTo(t, name, "plain\r\n{\"msg\":\"object\"}\n\xff\x00\nhalf")
	r := startTailing(t, "", "--from-start", name)
	o, input, got := r.finish(t)
	if o.status != exitOK {
		t.Errorf("exit status %d; %s", o.status, o.stderr)
	}
	file, _ := json.Marshal(name)
	for i, want := range []string{`"msg":"plain","file":` + string(file) + `}`, `{"msg":"object"}`, `"file":` + string(file) + `}`, `"msg":"half","file":` + string(file) + `}`} {
		if i >= len(got) || !strings.HasSuffix(got[i], want) {
			t.Errorf("record %d of %q does not end with %s", i, got, want)
		}
	}
	if input.Files != 1 || input.Bytes != 31 {
		t.Errorf("read %+v, want one file and 31 bytes", input)
	}
}

func TestTailGoesOnWhereItStoppedInTheJournalsDirectory(t *testing.T) {
	dir := t.TempDir()
	name, journal := filepath.Join(dir, "app.log"), filepath.Join(dir, "journal")
	var all []string
	for i := range 3 {
		appendTo(t, name, fmt.Sprintf("line %d\nhal", 2*i))
		r := startTailing(t, journal, "--from-start", name)
		o, _, got := r.finish(t)
		if o.status != exitOK {
			t.Errorf("exit status %d; %s", o.status, o.stderr)
		}
		all = append(all, messagesOf(t, got)...)
		appendTo(t, name, fmt.Sprintf("f %d\n", i))
	}
	checkSame(t, "all", all, []string{"line 0", "half 0", "line 2", "half 1", "line 4"})
}

func TestTailOfOneMoreFileGoesOnWhereItStopped(t *testing.T) {
	dir := t.TempDir()
	a, b, journal := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log"), filepath.Join(dir, "journal")
	appendTo(t, a, "line 0\n")
	appendTo(t, b, "old\n")
	_, _, first := startTailing(t, journal, "--from-start", a).finish(t)
	appendTo(t, a, "line 1\n")
	_, _, second := startTailing(t, journal, a, b).finish(t)
	checkSame(t, "all", messagesOf(t, append(first, second...)), []string{"line 0", "line 1"})
}

func messagesOf(t *testing.T, records []string) (msgs []string) {
	t.Helper()
	for _, r := range records {
		var record struct{ Msg string }
		if err := json.Unmarshal([]byte(r), &record); err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, record.Msg)
	}
	return msgs
}

func TestPositionsInMemoryCoverOnlyWhatNobodyHasToDeliverAnyMore(t *testing.T) {
	for name, c := range map[string]struct {
		failure error
		status  int
		again   []string // what the next one delivers
	}{
		"all is delivered":    {nil, exitOK, []string{"3"}},
		"the sink is down":    {errors.New("down"), exitIncomplete, []string{"1", "2", "3"}},
		"the sink has ended":  {&sink.Error{Verdict: sink.Gone}, exitIncomplete, []string{"1", "2", "3"}},
		"the sink takes none": {&sink.Error{Verdict: sink.Rejected}, exitIncomplete, []string{"3"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, positions := filepath.Join(dir, "app.log"), filepath.Join(dir, "positions")
			appendTo(t, file, "1\n2\n")
			args := []string{"--from-start", "--positions", positions, file}
			if o, _, _ := startTailingInto(t, "", c.failure, args...).finish(t); o.status != c.status {
				t.Errorf("exit status %d; %s", o.status, o.stderr)
			}
			appendTo(t, file, "3\n")
			o, _, got := startTailing(t, "", args...).finish(t)
			if o.status != exitOK {
				t.Errorf("exit status %d; %s", o.status, o.stderr)
			}
			checkSame(t, "the next ones", messagesOf(t, got), c.again)
		})
	}
}

func TestLinesInMemoryAreSafeOnceTheyAreDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := make(chan struct{})
		take := sink.Func(func(context.Context, []sink.Record) error {
			<-busy
			return nil
		})
		p, err := fapilog.New(t.Context(), forPipe(fapilog.Config{Routes: []fapilog.Route{{Name: "a", Sink: take}}}))
		if err != nil {
			t.Fatal(err)
		}
		if !safe(p) {
			t.Error("nothing is not safe")
		}
		if err := p.WriteLine(t.Context(), []byte("1"), 1); err != nil {
			t.Fatal(err)
		}
		if safe(p) {
			t.Error("a line is safe that was only accepted")
		}
		time.Sleep(time.Second)
		if safe(p) {
			t.Error("a line is safe that is being delivered")
		}
		close(busy)
		time.Sleep(time.Second)
		if !safe(p) {
			t.Errorf("a line is not safe that was delivered: %+v", p.Stats())
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// refusal opens a tail that is expected not to begin, and returns why it does not.
func refusal(t *testing.T, args []string) error {
	t.Helper()
	f := newTailFlags()
	if _, err := f.parse(append([]string{"--progress=false"}, args...)); err != nil {
		t.Fatal(err)
	}
	cfg, err := f.config()
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.openTail(forPipe(cfg), limits{}, streams{err: new(lockedBuffer)})
	if err == nil {
		s.feed = func(ends) error { return nil }
		s.run(make(chan os.Signal))
	}
	return err
}

func TestPositionsThatWouldReplaceSomethingElseAreRefused(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "app.log"), filepath.Join(dir, "precious")
	appendTo(t, other, "precious\n")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"another file":       {[]string{"--positions", other, file}, "precious\" is no file of positions: it holds something else; name another file"},
		"the followed file":  {[]string{"--positions", file, file}, "which is followed itself"},
		"one that a pattern": {[]string{"--positions", filepath.Join(dir, "p"), filepath.Join(dir, "*")}, "which is followed itself"},
	} {
		err := refusal(t, append([]string{"--sink", "file:" + filepath.Join(t.TempDir(), "out")}, c.args...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := os.ReadFile(other); err != nil || string(b) != "precious\n" {
		t.Errorf("%q is left, %v", b, err)
	}
}

func TestTailThatWouldFeedItselfIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	abs, err := filepath.Abs("all.log")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--sink", "file:all.log", "*.log"},
		{"--sink", "file:all.log?max-size=1MiB", "all.log"},
		{"--sink", "stderr", "--sink", "file://" + filepath.ToSlash(abs), "./*"},
	} {
		if err := refusal(t, args); err == nil || !strings.Contains(err.Error(), "all.log\" is followed itself") {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := os.Stat("all.log"); err == nil {
		t.Error("the sink's file was made")
	}
}

func TestTailThatWouldReadWhatItPrintsIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	all, err := os.Create("all.log")
	if err != nil {
		t.Fatal(err)
	}
	terminal := os.Stdout
	os.Stdout = all
	t.Cleanup(func() { os.Stdout = terminal; all.Close() })
	const what = "the file that a console sink writes to is followed itself"
	for _, args := range [][]string{{"*.log"}, {"all.log"}, {"--sink", "file:b", "--sink", "stdout://?format=json", "./*.log"}} {
		if err := refusal(t, args); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{{"*.txt"}, {"--sink", "stderr", "*.log"}} {
		if err := refusal(t, args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestTailJoinsTheLinesOfARecord(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "app.log")
	appendTo(t, name, "one\n at a\n at b\ntwo\n at c\n")
	r := startTailing(t, filepath.Join(dir, "journal"), "--from-start", "--multiline", `^\S`, name)
	_, input, got := r.finish(t)
	checkSame(t, "the records", messagesOf(t, got), []string{"one\n at a\n at b", "two\n at c"})
	if input.Bytes != 26 {
		t.Errorf("%d bytes were accepted, want 26", input.Bytes)
	}
}

func TestTailForgetsALineThatIsCutOff(t *testing.T) {
	f := newTailFlags()
	var got []string
	lines := &tailLines{split: f.multiline.splitter(func(line []byte, _ int64) { got = append(got, string(line)) })}
	for _, piece := range []string{"one\n", "torn"} {
		if err := lines.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	lines.Drop()
	if err := errors.Join(lines.Write([]byte("two\n")), lines.End()); err != nil {
		t.Fatal(err)
	}
	checkSame(t, "the lines", got, []string{"one", "two"})
}

func TestSecondTailOfTheSameFilesIsRefused(t *testing.T) {
	dir := t.TempDir()
	name, journal := filepath.Join(dir, "app.log"), filepath.Join(dir, "journal")
	r := startTailing(t, journal, name)
	cmd := childCommand(t, []string{"FAPILOG_JOURNAL=" + journal, "FAPILOG_SINKS=file:" + filepath.Join(dir, "out")}, "tail", name)
	code, stderr := status(t, cmd)
	if code != exitUsage || !strings.Contains(stderr, "a tail of these files is running") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if o, _, _ := r.finish(t); o.status != exitOK {
		t.Errorf("the first one ended with %d: %s", o.status, o.stderr)
	}
}

func TestTailThatCouldNotReadSomethingSaysSo(t *testing.T) {
	dir := t.TempDir()
	r := startTailing(t, "", dir) // which is no file
	o, input, _ := r.finish(t)
	if o.status != exitIncomplete || input.Failing != 1 || strings.Count(o.stderr, "is not a regular file") != 1 {
		t.Errorf("exit status %d, %+v; %s", o.status, input, o.stderr)
	}
}

func TestMistakesOnTailsCommandLineAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no file":       {nil, "FILE is missing"},
		"a URI":         {[]string{"loki://u:" + canary + "@h"}, "want FILE and no URI"},
		"a bad pattern": {[]string{"/var/log/[a.log"}, "malformed pattern"},
		"no such flag":  {[]string{"--from-stat", "a.log"}, `did you mean "--from-start"?`},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := runTail(streams{err: &stderr}, c.args); code != exitUsage || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit status %d: %s", code, stderr.String())
			}
		})
	}
}

func TestTailFollowsSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	r := startTailing(t, "", "--from-start", filepath.Join(dir, "a.log"), filepath.Join(dir, "b*.log"))
	appendTo(t, filepath.Join(dir, "a.log"), "a\n")
	appendTo(t, filepath.Join(dir, "b1.log"), "b1\n")
	appendTo(t, filepath.Join(dir, "b2.log"), "b2\n")
	got := messagesOf(t, []string{<-r.records, <-r.records, <-r.records})
	slices.Sort(got)
	checkSame(t, "the records", got, []string{"a", "b1", "b2"})
	if o, input, _ := r.finish(t); o.status != exitOK || input.Files != 3 {
		t.Errorf("exit status %d, %+v", o.status, input)
	}
}
