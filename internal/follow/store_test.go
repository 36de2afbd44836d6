package follow

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPositionsOfPathsThatAreNotFollowedNowAreKept(t *testing.T) {
	r := newRig(t)
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.stop()
	r.write("a.log", "2\n")
	r.write("b.log", "old\n")
	r.again(true, "b.log") // which nobody has followed before
	r.write("b.log", "x\n")
	r.step()
	r.stop()
	r.want("1", "b.log:x")
	r.write("b.log", "y\n")
	r.again(true, "a.log", "b.log")
	r.want("1", "b.log:x", "2", "b.log:y")
}

func TestPositionsOfPatternsThatAreNotFollowedNowAreKept(t *testing.T) {
	r := newRig(t)
	r.again(true, "a*.log")
	r.stop() // there was none
	r.write("a1.log", "1\n")
	r.write("b1.log", "old\n")
	r.again(true, "b*.log")
	r.write("b1.log", "x\n")
	r.write("b2.log", "y\n")
	r.step()
	r.stop()
	r.want("b1.log:x", "b2.log:y")
	r.write("b3.log", "z\n")
	r.again(true, "a*.log", "b*.log")
	r.stop()
	r.want("b1.log:x", "b2.log:y", "a1.log:1", "b3.log:z")
}

func TestFileThatHoldsSomethingElseIsNoStore(t *testing.T) {
	for name, content := range map[string]string{"text": "precious\n", "one byte": "p", "a longer beginning": "fapilog positioning\n"} {
		path := filepath.Join(t.TempDir(), "positions")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenStore(path); !errors.Is(err, ErrNotPositions) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != content {
			t.Errorf("%s: %q is left, %v", name, b, err)
		}
		if _, err := os.Stat(path + ".lock"); err == nil {
			t.Errorf("%s: a file for the lock was made", name)
		}
	}
	if _, err := OpenStore(t.TempDir()); !errors.Is(err, ErrNotPositions) {
		t.Errorf("a directory: %v", err)
	}
}

func TestPositionsAreKeptOnceTheFileSystemIsWell(t *testing.T) {
	r := newRig(t)
	makeDir = func(path string, _ os.FileMode) error {
		return &os.PathError{Op: "mkdir", Path: path, Err: syscall.EROFS}
	}
	t.Cleanup(func() { makeDir = os.MkdirAll })
	r.again(true, "a.log")
	r.write("a.log", "1\n")
	r.step()
	r.later(2 * saving)
	makeDir = os.MkdirAll
	r.later(2 * saving)
	r.later(2 * saving)
	const what = "positions: keeping positions"
	told := slices.DeleteFunc(slices.Clone(r.told), func(s string) bool { return !strings.HasPrefix(s, what) })
	if want := []string{what + ": read-only file system; trying again every 1s", what + " works again"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", r.told, want)
	}
	r.killed()
	r.write("a.log", "2\n")
	r.again(true, "a.log")
	r.want("1", "2")
}

// volatile follows as [Follower.Run] does, with lines that never are safe.
func (r *rig) volatile() (end func(settled bool)) {
	r.t.Helper()
	store, err := OpenStore(r.path("positions"))
	if err != nil {
		r.t.Fatal(err)
	}
	c := Config{Patterns: []string{r.path("a.log")}, Store: store, Durable: func() bool { return false }}
	c.Lines = func(string) Lines { return &splitter{rig: r, name: "a.log"} }
	f := newFollower(c, nil) // a watch waits outside the bubble
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	return func(settled bool) {
		cancel()
		if err := f.Finish(r.t.Context(), <-ended); err != nil {
			r.t.Error(err)
		}
		f.Close(settled)
	}
}

func TestLinesThatAreNeverSafeAreCoveredOnceTheyAreSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.write("a.log", "old\n")
		end := r.volatile()
		time.Sleep(time.Second) // it has looked
		r.write("a.log", "1\n2\nhalf")
		time.Sleep(time.Minute)
		end(false) // as a kill is, for the positions
		r.want("1", "2")
		r.write("a.log", " a line\n")
		end = r.volatile()
		time.Sleep(time.Minute)
		end(true)
		r.want("1", "2", "1", "2", "half a line")
		r.write("a.log", "3\n")
		end = r.volatile()
		time.Sleep(time.Minute)
		end(true)
		r.want("1", "2", "1", "2", "half a line", "3")
	})
}
