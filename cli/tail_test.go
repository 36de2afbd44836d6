package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
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
	f := newTailFlags()
	if _, err := f.parse(append(args, "--progress=false")); err != nil {
		t.Fatal(err)
	}
	r := tailing{running{make(chan os.Signal, 2), make(chan outcome, 1)}, make(chan string, 1000)}
	take := sink.Func(func(_ context.Context, batch []sink.Record) error {
		for _, record := range batch {
			r.records <- string(record.JSON)
		}
		return nil
	})
	cfg := forPipe(fapilog.Config{Routes: []fapilog.Route{{Name: "a", Sink: take}}, Journal: journal.Config{Dir: dir}, Diagnostics: slog.New(slog.DiscardHandler)})
	stderr := new(lockedBuffer)
	s, err := f.openTail(cfg, limits{time.Minute, time.Minute}, streams{err: stderr})
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
	for line := range strings.Lines(o.stderr) {
		_ = json.Unmarshal([]byte(line), &said) // not all lines are JSON
	}
	if said.Input == nil {
		t.Fatalf("no line says what was read: %s", o.stderr)
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

func messagesOf(t *testing.T, records []string) (msgs []string) {
	t.Helper()
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
