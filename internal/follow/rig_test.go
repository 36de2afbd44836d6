package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// rig drives a Follower step by step: it looks and reads when the test says so, at the
// time that the test says.
type rig struct {
	t     *testing.T
	dir   string
	f     *Follower
	now   time.Time
	mu    sync.Mutex // over lines: Run reads in a goroutine of its own
	lines []string   // that were accepted, each with the base name of its stream before it
	told  []string
	fail  error // of the next lines
	hold  int   // lines that are held until another one comes
}

// begin begins to follow patterns, relative to the rig's directory. Without a watch only
// looks find what is new.
func (r *rig) begin(watched bool, c Config, patterns ...string) {
	r.t.Helper()
	for _, p := range patterns {
		c.Patterns = append(c.Patterns, filepath.Join(r.dir, p))
	}
	c.Lines = func(path string) Lines { return &splitter{rig: r, name: filepath.Base(path)} }
	c.Report = func(path, text string) { r.told = append(r.told, filepath.Base(path)+": "+text) }
	var w *watch
	if watched {
		w = newWatch()
	}
	r.f = newFollower(c, w)
	f := r.f
	r.t.Cleanup(func() { f.watch.close(); f.Close(false) })
	r.step()
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, dir: t.TempDir(), now: time.Now()}
}

// step looks and reads all there is.
func (r *rig) step() {
	r.t.Helper()
	r.f.look(r.now)
	r.read()
}

func (r *rig) read() {
	r.t.Helper()
	for {
		busy, err := r.f.read(r.now)
		if err != nil && !errors.Is(err, r.fail) {
			r.t.Fatal(err)
		}
		if !busy || err != nil {
			return
		}
	}
}

// later lets time pass and steps.
func (r *rig) later(d time.Duration) {
	r.t.Helper()
	r.now = r.now.Add(d)
	r.step()
}

// stop ends following in good order.
func (r *rig) stop() {
	r.t.Helper()
	if err := r.f.Finish(context.Background(), nil); err != nil {
		r.t.Fatal(err)
	}
	r.f.Close(false)
}

// killed ends following as a kill does: nothing is kept any more.
func (r *rig) killed() {
	r.f.closeFiles()
	r.f.Close(false)
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// write appends to a file, which it creates if need be.
func (r *rig) write(name, text string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) rename(from, to string) {
	r.t.Helper()
	if err := os.Rename(r.path(from), r.path(to)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) remove(name string) {
	r.t.Helper()
	if err := os.Remove(r.path(name)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) truncate(name string) {
	r.t.Helper()
	if err := os.Truncate(r.path(name), 0); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) copy(from, to string) {
	r.t.Helper()
	b, err := os.ReadFile(r.path(from))
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(to, string(b))
}

// want compares the lines so far, each "name:line", or "line" of a.log.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	for i, l := range lines {
		if !strings.Contains(l, ":") {
			lines[i] = "a.log:" + l
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.lines, lines) {
		r.t.Fatalf("the lines are\n%s\nwant\n%s\ntold %q", strings.Join(r.lines, "\n"), strings.Join(lines, "\n"), r.told)
	}
}

func (r *rig) accept(lines ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, lines...)
}

// splitter is a simple Lines.
type splitter struct {
	rig  *rig
	name string
	held []string
	part []byte
}

func (s *splitter) Write(piece []byte) error {
	if s.rig.fail != nil {
		return s.rig.fail
	}
	s.part = append(s.part, piece...)
	if !bytes.HasSuffix(piece, []byte("\n")) {
		return nil
	}
	if len(s.held) >= s.rig.hold {
		s.give()
	}
	line := s.name + ":" + strings.TrimSuffix(string(s.part), "\n")
	s.part = nil
	if s.rig.hold > 0 {
		s.held = append(s.held, line)
	} else {
		s.rig.accept(line)
	}
	return nil
}

func (s *splitter) give() {
	s.rig.accept(s.held...)
	s.held = nil
}

func (s *splitter) Held() int      { return len(s.held) }
func (s *splitter) Release() error { s.give(); return s.rig.fail }
func (s *splitter) Drop()          { s.part = nil }
func (s *splitter) End() error {
	s.give()
	if len(s.part) > 0 {
		s.rig.accept(s.name + ":" + string(s.part))
		s.part = nil
	}
	return s.rig.fail
}

// both runs a test with a watch and without one. Without one the test looks between any
// two rotations.
func both(t *testing.T, test func(t *testing.T, r *rig, watched bool)) {
	for _, watched := range []bool{true, false} {
		t.Run(fmt.Sprintf("watched=%v", watched), func(t *testing.T) { test(t, newRig(t), watched) })
	}
}

func needLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what comes and goes in a directory, in order")
	}
}
