package life

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// recording calls after behind each change of the file system, and in
// the middle of those that a kill can cut in two.
type recording struct {
	disk.FS
	after func(op, path string)
}

func (f recording) done(op, path string, err error) error {
	f.after(op, path)
	return err
}

func (f recording) Mkdir(path string) error  { return f.done("mkdir", path, f.FS.Mkdir(path)) }
func (f recording) Remove(path string) error { return f.done("remove", path, f.FS.Remove(path)) }
func (f recording) Rename(from, to string) error {
	return f.done("rename", from, f.FS.Rename(from, to))
}

func (f recording) Create(path string) (disk.File, error) {
	file, err := f.FS.Create(path)
	return recordingFile{file, f, path}, f.done("create", path, err)
}

func (f recording) Open(path string) (disk.File, error) {
	file, err := f.FS.Open(path)
	return recordingFile{file, f, path}, err
}

func (f recording) WriteFile(path string, data []byte) error {
	temp := path + disk.TempSuffix
	for _, n := range []int{0, len(data) / 2, len(data)} {
		if err := os.WriteFile(temp, data[:n], 0o600); err != nil {
			return err
		}
		f.after("write", temp)
	}
	return f.done("replace", path, f.FS.WriteFile(path, data))
}

type recordingFile struct {
	disk.File
	fs   recording
	path string
}

func (f recordingFile) WriteAt(p []byte, off int64) (int, error) {
	if n, err := f.File.WriteAt(p[:len(p)/2], off); err != nil {
		return n, err
	}
	f.fs.after("write", f.path)
	n, err := f.File.WriteAt(p[len(p)/2:], off+int64(len(p)/2))
	return n + len(p)/2, f.fs.done("write", f.path, err)
}

// drain is what a journal does that is opened and closed without a record of its
// own, with the sinks file and loki: all that its lives hold is delivered to both.
func drain(fsys disk.FS, root string) error {
	own, err := Create(fsys, root, began)
	if err != nil {
		return err
	}
	defer own.Release()
	found, err := Claim(fsys, root, math.MaxInt)
	if err != nil || len(found.Problems) > 0 {
		return fmt.Errorf("claim: %v, %v", found.Problems, err)
	}
	for _, d := range found.Dead {
		defer d.Release()
	}
	var carried Carried
	for _, d := range found.Dead {
		for _, key := range []string{"file", "loki"} {
			if err := deliver(fsys, d, key); err != nil {
				return err
			}
		}
		carried.Fold(d.Name(), d.Marks, d.Carried, d.End)
		if err := carried.Write(fsys, own.Dir); err != nil {
			return err
		}
		if err := d.Remove(); err != nil {
			return err
		}
	}
	return nil
}

// deliver delivers what is left for a key, in two steps.
func deliver(fsys disk.FS, d *Dead, key string) error {
	m, known := d.Marks[key]
	var c *CursorFile
	var err error
	if known {
		c, m, err = OpenCursor(fsys, d.Dir, key, false)
	} else {
		c, err = CreateCursor(fsys, d.Dir, key, m, false)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	for _, next := range []uint64{(m.Next + d.End) / 2, d.End} {
		m.Tally.Delivered += next - m.Next
		m.Next = next
		if err := c.Store(m); err != nil {
			return err
		}
	}
	d.Marks[key] = m
	return nil
}

// total drains root and returns the tallies of all its lives, which are one then.
func total(root string) (map[string]Tally, error) {
	if err := drain(osFS, root); err != nil {
		return nil, err
	}
	there, err := list(osFS, root)
	if err != nil || len(there.lives) != 1 || len(there.staged) != 0 {
		return nil, fmt.Errorf("there are lives %q, unfinished %q, %v", there.lives, there.staged, err)
	}
	carried, err := ReadCarried(osFS, filepath.Join(root, there.lives[0]))
	if err != nil || len(carried.Tallies) == 0 {
		return nil, fmt.Errorf("carried %+v, %v", carried, err)
	}
	return carried.Tallies, nil
}

// crashed makes a root with two lives that were killed.
func crashed(t testing.TB) (root string, want map[string]Tally) {
	root = t.TempDir()
	a, b := create(t, root, began), create(t, root, began.Add(1))
	putSegment(t, a, 0, 0, 0, 5)
	putSegment(t, a, 1, 1, 5, 5)
	putCursor(t, a.Dir, "file", Mark{Next: 10, Tally: Tally{Delivered: 10}})
	putCursor(t, a.Dir, "loki", Mark{Next: 7, Tally: Tally{Delivered: 6, Rejected: 1}})
	ok(t, Carried{Tallies: map[string]Tally{"file": {Delivered: 100}}}.Write(osFS, a.Dir))
	putSegment(t, b, 0, 0, 0, 5)
	putCursor(t, b.Dir, "file", Mark{Next: 3, Tally: Tally{Delivered: 3, In: 2, Filtered: 2}})
	putCursor(t, b.Dir, "old", Mark{Next: 2, Tally: Tally{Delivered: 2}})
	ok(t, a.Release())
	ok(t, b.Release())
	return root, map[string]Tally{
		"file": {Delivered: 115, In: 2, Filtered: 2},
		"loki": {Delivered: 6 + 3 + 5, Rejected: 1},
		"old":  {Delivered: 2, Gone: 3},
	}
}

// Whatever step the process is killed behind, and then the next one behind
// whatever step of its own, all is delivered and counted, and once.
func TestKillBehindAnyStepLosesNothingAndCountsNothingTwice(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		images := 0
		check := func(image, steps string, want map[string]Tally) {
			images++
			for _, when := range []string{"drained", "drained again"} {
				if got, err := total(image); err != nil || !maps.Equal(got, want) {
					t.Errorf("killed behind %s and %s: %+v, %v; want %+v", steps, when, got, err, want)
				}
			}
		}
		// walk drains a root and calls kill with an image behind each step, made
		// by one in sample.
		walk := func(root string, sample int, kill func(image, step string)) {
			step := 0
			ok(t, drain(recording{osFS, func(op, path string) {
				if step++; rand.N(sample) > 0 {
					return
				}
				image := filepath.Join(t.TempDir(), "image")
				ok(t, os.CopyFS(image, os.DirFS(root)))
				name, _ := filepath.Rel(root, path)
				kill(image, fmt.Sprintf("step %d, %s of %s", step, op, name))
			}}, root))
		}
		root, want := crashed(t)
		walk(root, 1, func(image, step string) {
			again := image + "2"
			twice := rand.N(4) == 0
			if twice {
				ok(t, os.CopyFS(again, os.DirFS(image)))
			}
			check(image, step, want)
			if !twice {
				return
			}
			walk(again, 5, func(image, then string) { check(image, step+", then "+then, want) })
		})
		if images < 60 {
			t.Errorf("there were %d images only", images)
		}
		t.Logf("%d images", images)
	})
}

// Processes come and go, and each drains whatever it can have. Which of them has
// carried what changes all the time, and yet the sum comes out.
func TestLivesDrainedByManyAreCountedOnce(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		const processes, rounds = 8, 10
		root := t.TempDir()
		var all sync.WaitGroup
		for range processes {
			all.Go(func() {
				for range rounds {
					l, err := Create(osFS, root, began)
					if err != nil {
						t.Error(err)
						return
					}
					c, err := CreateCursor(osFS, l.Dir, "file", Mark{Next: 3, Tally: Tally{Delivered: 3}}, false)
					if err != nil {
						t.Error(err)
						return
					}
					c.Close()
					l.Release()
					if err := drain(osFS, root); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		got, err := total(root)
		want := map[string]Tally{"file": {Delivered: 3 * processes * rounds}, "loki": {Delivered: 3 * processes * rounds}}
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}

// Each life that was drained and not removed is found in time, though who carries
// it is drained by another meanwhile.
func TestCarriedThatMovesWhileItIsReadIsFound(t *testing.T) {
	root := t.TempDir()
	drained, carrier := full(t, root), create(t, root, began)
	ok(t, drained.Release())
	ok(t, Carried{Lives: []string{drained.Name()}}.Write(osFS, carrier.Dir))
	moved := false
	fsys := &onRead{FS: osFS, path: filepath.Join(carrier.Dir, carriedName), do: func() {
		if moved {
			return
		}
		moved = true
		next := create(t, root, began)
		var c Carried
		c.Fold(carrier.Name(), nil, Carried{Lives: []string{drained.Name()}}, 0)
		ok(t, c.Write(osFS, next.Dir))
		ok(t, carrier.Remove())
	}}
	dead, problems := claimAll(t, fsys, root)
	noProblems(t, problems)
	if !moved || len(dead) > 0 {
		t.Errorf("claimed %+v", dead)
	}
	if _, err := os.Lstat(drained.Dir); err == nil {
		t.Error("the drained life is still there")
	}
}

// onRead does something before a file is opened for reading.
type onRead struct {
	disk.FS
	path string
	do   func()
}

func (f *onRead) OpenRead(path string) (disk.File, error) {
	if path == f.path {
		f.do()
	}
	return f.FS.OpenRead(path)
}
