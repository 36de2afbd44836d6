package journal

import (
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// left is what a process has open of a directory, descriptors and mappings, and how
// many goroutines of journals it has.
func left(t *testing.T, dir string) (open []string, goroutines int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not say what a process has open")
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(to, dir) {
			open = append(open, to)
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, dir) {
			open = append(open, strings.TrimSpace(line))
		}
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return open, strings.Count(string(stacks), "(*Journal).keep(") + strings.Count(string(stacks), "(*Journal).tend(") +
		strings.Count(string(stacks), "(*Journal).inform(")
}

func TestCloseLeavesNothingOpen(t *testing.T) {
	synctest.Test(t, testClose) // whose Wait is for goroutines that are about to end
}

func testClose(t *testing.T) {
	dir := t.TempDir()
	_, before := left(t, dir)
	times := 300
	if raceEnabled {
		times = 50
	}
	for i := range times {
		j := openDir(t, dir, 8)
		one, two := j.NewCursor(CursorConfig{Key: "one"}), j.NewCursor(CursorConfig{Key: "two"})
		standby := j.NewCursor(CursorConfig{Key: "standby", Standby: true})
		j.Ready()
		for n := range 3 * perSegment {
			appendNumbered(t, j, n)
		}
		settleAll(one, 10, func(Entry) {})
		if i%10 == 9 {
			settleAll(two, 10, func(Entry) {})
		} else { // in the middle of a file of an earlier life
			two.Read(new(Batch), ReadLimits{Records: 10})
		}
		standby.Ack(0, Tally{In: 1})
		if i%7 == 0 {
			j.Append(time.Now(), slog.LevelInfo, make([]byte, j.MaxPayload()))
		}
		j.Close()
		two.Read(new(Batch), ReadLimits{}) // the owner finds out
		synctest.Wait()
		if open, after := left(t, dir); len(open) > 0 || after > before {
			t.Fatalf("closed %d times: %q are open, and %d goroutines are there, %d were", i+1, open, after, before)
		}
	}
}

// The look may be at mapped memory, and the life is another process's when its lock is.
func TestCloseWaitsForALookAtTheSegmentBefore(t *testing.T) {
	fs := disktest.New(disk.OS())
	j, err := openOn(fs, Config{Dir: t.TempDir(), MaxBytes: 4 << 12, SegmentBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	j.Ready()
	mustAppend(t, j, "x")
	var over atomic.Bool
	fs.Before(disktest.Close, "lock", func(_ disktest.Op, path string) {
		if !over.Load() {
			t.Errorf("%s is closed", path)
		}
	})
	j.checking.Lock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		j.Close()
	}()
	<-j.done // the keeper: from here on the custodian lets go
	for settled := false; !settled; {
		select {
		case <-closed:
			settled = true // it has not waited
		default:
			stacks := make([]byte, 1<<20)
			settled = strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*Journal).awaitCheck(")
		}
	}
	over.Store(true)
	j.checking.Unlock()
	<-closed
}

func TestFileThatWasRemovedIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(10 * perSegment)
		h.settle(0) // so that the files are free
		h.append(1)
		time.Sleep(time.Second)
		synctest.Wait()
		h.j.mu.Lock()
		idle := slices.Clone(h.j.store.idle)
		h.j.mu.Unlock()
		if len(idle) < 5 {
			t.Fatalf("%d files are idle", len(idle))
		}
		for _, f := range idle {
			if err := os.Remove(f.path); err != nil {
				t.Fatal(err)
			}
		}
		h.append(4 * perSegment)
		h.recovers()
		h.killed(10 * perSegment)
		for range 8 {
			h.append(perSegment / 2)
			time.Sleep(lookEvery)
			synctest.Wait()
			if path := h.j.active.path(); !exists(path) {
				t.Fatalf("%s is in use, and not there", path)
			}
		}
		h.recovers()
		h.killed(10 * perSegment)
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
