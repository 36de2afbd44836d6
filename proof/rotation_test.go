//go:build unix

package proof

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
)

// filePlan returns a plan for a process that logs to a file until it is told to stop,
// and waits for the file.
func filePlan(uri string, run int) plan {
	return plan{
		Files: []string{uri}, Run: run, Producers: 4, BatchRecords: window, Block: true, Pause: 200 * time.Microsecond,
		MaxBytes: 16 << 20, End: awaitsKill,
	}
}

// finish has a child close its pipeline when its producers have logged what they are
// at: they stop as soon as the file is there.
func (c *process) finish() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(stopSignal); err != nil {
		c.t.Fatal(err)
	}
	c.ledger()
}

// logsWhile runs a process that logs to a file while do does something to the file.
// Every record has to be in the files then, in order and once.
func logsWhile(t *testing.T, query string, do func(c *process, s *shelf)) *shelf {
	t.Helper()
	s := newShelf(filepath.Join(t.TempDir(), "logs", "app.jsonl"))
	c := start(t, "", filePlan("file://"+s.path()+query, 1))
	do(c, s)
	c.finish()
	return s
}

// judge compares what was logged with what is in the files.
func (s *shelf) judge(c *process) {
	for p, n := range c.acks {
		s.holds(p, n)
	}
	s.check(c.t)
}

// awaitRotated waits until there are n rotated files.
func (c *process) awaitRotated(s *shelf, n int) {
	c.t.Helper()
	c.logUntil("rotate that often", func() bool { return len(s.rotated()) >= n })
}

// logUntil has the child log until cond holds, and fails the test if it never does.
func (c *process) logUntil(what string, cond func() bool) {
	c.t.Helper()
	for end := time.Now().Add(2 * limit); !cond(); c.awaitAccepted(20) {
		if time.Now().After(end) {
			c.kill()
			c.t.Fatalf("the child does not %s\n%s", what, c.stderr.String())
		}
	}
}

func TestRotationsUnderLoadLoseNoLine(t *testing.T) {
	for name, query := range map[string]string{
		"by size":                  "?max-size=32KiB",
		"by size, compressed":      "?max-size=32KiB&compress=gzip",
		"by size, several at once": "?max-size=4KiB",
	} {
		t.Run(name, func(t *testing.T) {
			var c *process
			s := logsWhile(t, query, func(run *process, s *shelf) {
				c = run
				run.awaitRotated(s, scaled(200))
			})
			s.readAll()
			s.judge(c)
			if s.files <= scaled(200) {
				t.Errorf("%d files", s.files)
			}
		})
	}
	t.Run("by time", func(t *testing.T) {
		var c *process
		s := logsWhile(t, "?rotate=1s", func(run *process, s *shelf) {
			c = run
			run.awaitRotated(s, scaled(200)) // a second each
		})
		s.readAll()
		s.judge(c)
	})
}

// Whoever moves the file away keeps it: as logrotate does, or by a second name of a
// file that is removed.
func TestFileMovedAwayFromOutsideLosesNoLine(t *testing.T) {
	for name, move := range map[string]func(from, to string) error{
		"renamed": os.Rename,
		"removed": func(from, to string) error {
			if err := os.Link(from, to); err != nil {
				return err
			}
			return os.Remove(from)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c *process
			var moved []string
			s := logsWhile(t, "", func(run *process, s *shelf) {
				c = run
				for n := range scaled(200) {
					run.logUntil("open the file anew", func() bool { return exists(s.path()) })
					to := fmt.Sprintf("%s.%d", s.path(), n)
					if err := move(s.path(), to); err != nil {
						t.Fatal(err)
					}
					moved = append(moved, to)
					run.awaitAccepted(50)
				}
			})
			for _, path := range moved {
				s.read(path)
			}
			s.readAll()
			s.judge(c)
		})
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestTwoProcessesRotateOneFile(t *testing.T) {
	s := newShelf(filepath.Join(t.TempDir(), "app.jsonl"))
	s.mixed = true
	uri := "file://" + s.path() + "?max-size=32KiB&compress=gzip"
	a, b := start(t, "", filePlan(uri, 1)), start(t, "", filePlan(uri, 2))
	a.awaitRotated(s, scaled(100))
	b.awaitRotated(s, scaled(200))
	a.finish()
	b.finish()
	s.readAll()
	for p, n := range a.acks {
		s.holds(p, n)
	}
	s.judge(b)
}

// outsider is a program that appends whole lines to the file, many in one write, and knows
// nothing of its lock or its rotation. What it logs are the records of a producer.
type outsider struct {
	t       *testing.T
	path    string
	logged  uint64
	scratch []byte
}

const outside = producer(1 << 20)

func (o *outsider) write(lines int) {
	o.t.Helper()
	var text bytes.Buffer
	h := slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})
	for range lines {
		var r slog.Record
		r, o.scratch = outside.record(o.logged, o.scratch)
		if err := h.Handle(o.t.Context(), r); err != nil {
			o.t.Fatal(err)
		}
		o.logged++
	}
	f, err := os.OpenFile(o.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err == nil {
		_, err = f.Write(text.Bytes())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		o.t.Fatal(err)
	}
}

func TestLinesOfAProgramThatDoesNotTakeTheLockStayWhole(t *testing.T) {
	var c *process
	var o *outsider
	s := logsWhile(t, "?max-size=1MiB", func(run *process, s *shelf) {
		c, o = run, &outsider{t: t, path: s.path()}
		run.logUntil("create the file", func() bool { return exists(s.path()) })
		for range scaled(400) {
			for range 8 {
				o.write(64)
			}
			run.awaitAccepted(1)
		}
	})
	s.readAll()
	s.holds(outside, o.logged)
	s.judge(c)
}

// rotationKills is one service that logs to a file, whose processes end at the points of
// a rotation and of what follows it. Its journal keeps what was accepted.
type rotationKills struct {
	t      *testing.T
	binary string
	out    string
	shelf  *shelf
	query  string
	acks   map[producer]uint64
	hits   map[string]int
	runs   int
}

func newRotationKills(t *testing.T, query string) *rotationKills {
	k := &rotationKills{
		t: t, binary: built.build(t, "crashpoints"), out: t.TempDir(), query: query,
		acks: make(map[producer]uint64), hits: make(map[string]int),
	}
	k.shelf = newShelf(filepath.Join(k.out, "app.jsonl"))
	k.shelf.once = false
	return k
}

func (k *rotationKills) start(env ...string) *process {
	k.runs++
	p := filePlan("file://"+k.shelf.path()+k.query, k.runs)
	p.Dir, p.SegmentBytes, p.MaxBytes = filepath.Join(k.out, "journal"), 32<<10, 64<<20
	if env == nil {
		p.Records, p.End = 10, closes
	}
	return start(k.t, k.binary, p, env...)
}

// at runs a process that kills itself at a point.
func (k *rotationKills) at(point string, pass int) {
	k.t.Helper()
	mark := filepath.Join(k.out, "mark")
	c := k.start(crashAt(point, pass, mark)...)
	c.until(5*time.Second, func() bool { return false }) // it has ended, or does not come there
	c.kill()
	if os.Remove(mark) == nil {
		k.hits[point]++
	}
	k.ended(c)
}

// last runs a process that delivers what is left.
func (k *rotationKills) last() {
	k.t.Helper()
	c := k.start()
	c.ledger()
	k.ended(c)
	for point, n := range k.hits {
		k.t.Logf("%-16s %d kills", point, n)
	}
	temporary, err := filepath.Glob(filepath.Join(k.out, "*tmp*"))
	if err != nil || len(temporary) > 0 {
		k.t.Errorf("left over: %q, %v", temporary, err)
	}
}

// ended checks that every compressed file is whole.
func (k *rotationKills) ended(c *process) {
	k.t.Helper()
	for p, n := range c.acks {
		k.acks[p] = n
	}
	one := newShelf(k.shelf.path())
	one.once = false
	for _, name := range k.shelf.rotated() {
		if strings.HasSuffix(name, ".gz") {
			one.read(filepath.Join(k.out, name))
		}
	}
	for _, f := range one.faults {
		k.t.Errorf("after run %d: %s", k.runs, f)
	}
}

// tear leaves half a line behind, as a write does that a kill has ended.
func (k *rotationKills) tear() {
	f, err := os.OpenFile(k.shelf.path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return // there is no file just now
	}
	defer f.Close()
	if _, err := f.WriteString(`{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"to`); err != nil {
		k.t.Fatal(err)
	}
}

func TestKillAtEveryPointOfARotationLosesNoLine(t *testing.T) {
	points := pointsInSource(t, "../sink/file")
	if want := slices.Sorted(slices.Values(crash.FileNames)); !slices.Equal(points, want) {
		t.Errorf("the sink has the points\n%q, want\n%q", points, want)
	}
	k := newRotationKills(t, "?max-size=16KiB&compress=gzip")
	r := random(t)
	for range scaled(20) {
		for _, point := range points {
			switch point {
			case "file.removed": // nothing is
			case "file.repaired":
				k.tear()
				k.at(point, 1)
			default:
				k.at(point, 1+r.IntN(5))
			}
		}
	}
	k.last()
	k.shelf.readAll()
	for p, n := range k.acks {
		k.shelf.holds(p, n)
	}
	k.shelf.check(t)
	if most := window * k.runs; k.shelf.repeats > most {
		t.Errorf("%d lines are there again, at most %d were in flight", k.shelf.repeats, most)
	}
	for _, point := range points {
		if k.hits[point] == 0 && point != "file.removed" {
			t.Errorf("%s was never hit", point)
		}
	}
}

func TestKillDuringRetentionLeavesTheNewestFiles(t *testing.T) {
	k := newRotationKills(t, "?max-size=16KiB&compress=gzip&max-files=3")
	r := random(t)
	for range scaled(20) {
		k.at("file.removed", 1+r.IntN(5))
	}
	k.last()
	if k.hits["file.removed"] == 0 {
		t.Error("no file was removed")
	}
	names := k.shelf.rotated()
	if len(names) != 3 {
		t.Errorf("rotated files %q, want 3", names)
	}
	k.shelf.readAll()
	k.shelf.check(t)
	newest := producerOf(k.runs, 0)
	k.shelf.holds(newest, k.acks[newest])
}
