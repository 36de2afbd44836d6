//go:build unix

package proof

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// tail is a process of the command that follows a file, and what it has said.
type tail struct {
	t      *testing.T
	cmd    *exec.Cmd
	ready  chan struct{} // closed when it waits for the file, or has ended
	lines  chan uint64   // the numbers that it delivers; closed at the end
	stderr []string      // all it said, once ended is closed
	ended  chan struct{}
}

var command struct {
	once sync.Once
	path string
	err  error
}

// startTail starts a tail of a file that delivers to this process.
func startTail(t *testing.T, file string, env ...string) *tail {
	t.Helper()
	command.once.Do(func() {
		if built.dir == "" {
			if built.dir, command.err = os.MkdirTemp("", "proof"); command.err != nil {
				return
			}
		}
		command.path = filepath.Join(built.dir, "fapilog")
		out, err := exec.Command("go", "build", "-o", command.path, "../cmd/fapilog").CombinedOutput()
		if err != nil {
			command.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if command.err != nil {
		t.Fatal(command.err)
	}
	c := &tail{t: t, ready: make(chan struct{}), lines: make(chan uint64, 1<<10), ended: make(chan struct{})}
	c.cmd = exec.Command(command.path, "tail", "--sink", "stdout?format=json", "--grace", "2m", file)
	c.cmd.Env = append(os.Environ(), env...)
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() }) // if the test has not come to its end
	go c.read(bufio.NewScanner(stdout))
	go c.listen(bufio.NewScanner(stderr))
	return c
}

func (c *tail) read(in *bufio.Scanner) {
	defer close(c.lines)
	for in.Scan() {
		var record struct{ Msg string }
		if json.Unmarshal(in.Bytes(), &record) != nil {
			c.lines <- 1 << 63 // torn: a kill may do that
			continue
		}
		n, err := strconv.ParseUint(record.Msg, 10, 63)
		if err != nil {
			n = 1 << 63
		}
		c.lines <- n
	}
}

func (c *tail) listen(in *bufio.Scanner) {
	defer close(c.ended)
	var once sync.Once
	defer once.Do(func() { close(c.ready) })
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		c.stderr = append(c.stderr, in.Text())
		if strings.HasSuffix(in.Text(), "waiting for it") {
			once.Do(func() { close(c.ready) })
		}
	}
}

// finish ends the tail in good order and returns the numbers that it has still
// delivered, and its last words.
func (c *tail) finish() (rest []uint64, input tailInput, stats fapilog.Stats) {
	c.t.Helper()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	for n := range c.lines {
		rest = append(rest, n)
	}
	<-c.ended
	_ = c.cmd.Wait() // what it says is looked at by the caller
	if len(c.stderr) < 2 {
		c.t.Fatalf("its last words: %q", c.stderr)
	}
	last := c.stderr[len(c.stderr)-2:]
	if err := json.Unmarshal([]byte(last[1]), &stats); err != nil {
		c.t.Fatalf("the ledger: %v: %q", err, c.stderr)
	}
	if err := json.Unmarshal([]byte(last[0]), &input); err != nil {
		c.t.Fatalf("the input: %v: %q", err, c.stderr)
	}
	return rest, input, stats
}

type tailInput struct {
	Input struct {
		Files, Bytes, Truncated, Failing uint64
		MissedFiles                      uint64 `json:"missed_files"`
	}
}

// until takes numbers until there are n different ones.
func (c *tail) until(got map[uint64]int, n int) {
	c.t.Helper()
	for timer := time.After(limit); len(got) < n; {
		select {
		case number, ok := <-c.lines:
			if !ok {
				<-c.ended
				c.t.Fatalf("it has ended: %q", c.stderr)
			}
			got[number]++
		case <-timer:
			c.kill()
			c.t.Fatalf("%d of %d numbers have come; %q", len(got), n, c.stderr)
		}
	}
}

// kill kills the tail and returns what it has still delivered.
func (c *tail) kill() (rest []uint64) {
	_ = c.cmd.Process.Kill()
	for n := range c.lines {
		rest = append(rest, n)
	}
	<-c.ended
	_ = c.cmd.Wait() // it was killed
	return rest
}

// rotating writes numbers, one a line, to a file that it rotates.
type rotating struct {
	path   string
	rotate func(path string, n int) error
	next   uint64
	turns  int
}

// generation writes n numbers and rotates the file away.
func (w *rotating) generation(n int) error {
	f, err := os.OpenFile(w.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 512) // lines are written in pieces
	for range n {
		fmt.Fprintln(out, w.next)
		w.next++
	}
	if err := out.Flush(); err != nil {
		return err
	}
	w.turns++
	return w.rotate(w.path, w.turns)
}

// counted gives each rotated file the next number.
func counted(path string, n int) error { return os.Rename(path, fmt.Sprintf("%s.%d", path, n)) }

// shifted counts all rotated files up, as logrotate does.
func shifted(path string, n int) error {
	for i := n - 1; i > 0; i-- {
		if err := os.Rename(fmt.Sprintf("%s.%d", path, i), fmt.Sprintf("%s.%d", path, i+1)); err != nil {
			return err
		}
	}
	return os.Rename(path, path+".1")
}

func TestTailLosesAndDoublesNothingAcrossRotationsAtFullSpeed(t *testing.T) {
	for name, rotate := range map[string]func(string, int) error{"counted": counted, "shifted": shifted} {
		t.Run(name, func(t *testing.T) {
			for range scaled(20) {
				path := filepath.Join(t.TempDir(), "app.log")
				c := startTail(t, path)
				<-c.ready
				w := &rotating{path: path, rotate: rotate}
				for range 200 {
					if err := w.generation(500); err != nil {
						t.Fatal(err)
					}
				}
				got, input, stats := c.finish()
				for i, n := range got {
					if n != uint64(i) {
						t.Fatalf("number %d is %d", i, n)
					}
				}
				if uint64(len(got)) != w.next || input.Input.MissedFiles != 0 || !stats.Complete() {
					t.Fatalf("%d numbers of %d; %q", len(got), w.next, c.stderr)
				}
			}
		})
	}
}

func TestTailCountsTruncations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	c := startTail(t, path)
	<-c.ready
	copyTruncate := func(path string, n int) error {
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(fmt.Sprintf("%s.%d", path, n), b, 0o600)
		}
		if err != nil {
			return err
		}
		return os.Truncate(path, 0)
	}
	w := &rotating{path: path, rotate: func(string, int) error { return nil }}
	turns := scaled(200) + 4
	for turn := range turns {
		if err := w.generation(100); err != nil {
			t.Fatal(err)
		}
		for range 100 { // it has read all of it
			if n := <-c.lines; n+1 > w.next || n+100 < w.next {
				t.Fatalf("%d after %d numbers", n, w.next)
			}
		}
		if err := copyTruncate(path, turn); err != nil {
			t.Fatal(err)
		}
	}
	rest, input, stats := c.finish()
	if len(rest) != 0 || input.Input.Truncated != uint64(turns) || input.Input.MissedFiles != 0 || !stats.Complete() {
		t.Errorf("%d numbers more, %+v after %d truncations; %q", len(rest), input, turns, c.stderr)
	}
}

func TestTailLosesNothingWhenItIsKilledAndStartedAgain(t *testing.T) {
	r := random(t)
	for name, rotate := range map[string]func(string, int) error{"counted": counted, "shifted": shifted} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			w := &rotating{path: path, rotate: rotate}
			journal := "FAPILOG_JOURNAL=" + filepath.Join(dir, "journal")
			got := make(map[uint64]int)
			take := func(ns []uint64) {
				for _, n := range ns {
					got[n]++
				}
			}
			kills := max(4, scaled(400))
			c := startTail(t, path, journal)
			<-c.ready
			if err := w.generation(1); err != nil {
				t.Fatal(err)
			}
			take([]uint64{<-c.lines}) // from now on it goes on where it was
			for range kills {
				for range r.IntN(4) { // it is killed at some moment, not only when all is done
					writeSome(t, r, w)
					c.until(got, len(got)+r.IntN(int(w.next)-len(got)+1))
				}
				take(c.kill())
				writeSome(t, r, w)
				c = startTail(t, path, journal)
			}
			writeSome(t, r, w)
			if err := w.generation(1); err != nil {
				t.Fatal(err)
			}
			c.until(got, int(w.next))
			rest, input, stats := c.finish()
			take(rest)
			twice := 0
			for n := range w.next {
				if got[n] == 0 {
					t.Fatalf("number %d of %d is lost; %q", n, w.next, c.stderr)
				}
				twice += got[n] - 1
			}
			// A frame that a kill cut short is corrupt: nobody was told that it was accepted.
			sink := stats.Sinks[0]
			corrupt := sink.Dropped[fapilog.DroppedCorrupt]
			if input.Input.MissedFiles != 0 || sink.Delivered+corrupt != sink.Appended || corrupt > uint64(kills) {
				t.Errorf("%+v; %q", input, c.stderr)
			}
			t.Logf("%d kills: %d numbers, %d of them once more", kills, w.next, twice)
		})
	}
}

// writeSome writes some generations.
func writeSome(t *testing.T, r *rand.Rand, w *rotating) {
	t.Helper()
	for range r.IntN(5) {
		if err := w.generation(1 + r.IntN(1000)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTailBesideTheFileSinkReadsEachLineOnceThoughItsWriterIsKilled(t *testing.T) {
	r := random(t)
	path := filepath.Join(t.TempDir(), "app.jsonl")
	c := startTail(t, path)
	<-c.ready
	var got []uint64
	next := 0
	for turns := max(4, scaled(40)); turns >= 0; turns-- {
		next = pipeInto(t, path, next, 1+r.IntN(700), turns > 0 && r.IntN(2) == 0, time.Duration(r.IntN(20))*time.Millisecond)
		if turns > 0 && r.IntN(2) == 0 {
			tear(t, path)
		}
		got = c.waiting(got)
	}
	rest, input, stats := c.finish()
	got = append(got, rest...)
	want := numbersIn(t, filepath.Dir(path))
	if input.Input.Truncated != 0 || !stats.Complete() {
		t.Errorf("%+v; %q", input, c.stderr)
	}
	slices.Sort(got)
	slices.Sort(want)
	if missed := input.Input.MissedFiles; missed > 0 {
		// A file may be written, rotated, compressed and removed before tail has had the
		// processor once. What was in it is not read, and counted.
		t.Logf("%d files were gone before they could be opened", missed)
		const most = 16 << 10 / 60 // lines of such a file
		rest := slices.DeleteFunc(slices.Clone(want), func(n uint64) bool { _, ok := slices.BinarySearch(got, n); return ok })
		if len(got)+len(rest) != len(want) || len(rest) > int(missed)*most {
			t.Errorf("%d lines were read, %d are there, in %d files that were missed %d at most; %q", len(got), len(want), missed, int(missed)*most, c.stderr)
		}
		return
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines were read, %d are there; %q", len(got), len(want), c.stderr)
	}
}

// pipeInto has the command write n numbers to a file that it rotates and compresses. It
// is killed after a time, or comes to its end.
func pipeInto(t *testing.T, path string, first, n int, kill bool, after time.Duration) (next int) {
	t.Helper()
	cmd := exec.Command(command.path, "pipe", "--sink", "file:"+path+"?max-size=16KiB&compress=gzip")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		fmt.Fprintln(in, first+i)
	}
	if kill {
		time.Sleep(after)
		_ = cmd.Process.Kill()
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil && !kill {
		t.Fatal(err)
	}
	return first + n
}

// tear leaves half a line at a file's end, as a kill does, if it is there.
func tear(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return // no line is whole yet: what is torn then is a truncation
	}
	if _, err := f.WriteString(`{"time":"2026-01-02T15:04:05Z","msg":"to`); err != nil {
		t.Fatal(err)
	}
}

// waiting takes the numbers that have come.
func (c *tail) waiting(got []uint64) []uint64 {
	for {
		select {
		case n, ok := <-c.lines:
			if !ok {
				<-c.ended
				c.t.Fatalf("it has ended: %q", c.stderr)
			}
			got = append(got, n)
		default:
			return got
		}
	}
}

// numbersIn returns the numbers in a directory's files, compressed or not, as tail.read
// does.
func numbersIn(t *testing.T, dir string) (numbers []uint64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if plain, zipped := strings.CutSuffix(e.Name(), ".gz"); zipped && exists(filepath.Join(dir, plain)) {
			continue // the kill came before the original was removed
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var in io.Reader = f
		if strings.HasSuffix(e.Name(), ".gz") {
			if in, err = gzip.NewReader(f); err != nil {
				t.Fatal(err)
			}
		}
		c := &tail{lines: make(chan uint64, 1<<10)}
		go c.read(bufio.NewScanner(in))
		for n := range c.lines {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
