package journal

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// image copies a journal's directory as a kill would leave it: what is in the page
// cache stays.
func image(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "image")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if d.IsDir() {
			return os.Mkdir(filepath.Join(to, rel), 0o700)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// harness is a durable journal on a disk that can be made to fail, with a cursor.
type harness struct {
	t    *testing.T
	fs   *disktest.Faulty
	dir  string
	j    *Journal
	c    *Cursor
	n    int // records appended
	mu   sync.Mutex
	told []Health
}

func newHarness(t *testing.T, prepare func(*disktest.Faulty)) *harness {
	h := &harness{t: t, fs: disktest.New(disk.OS()), dir: filepath.Join(t.TempDir(), "journal")}
	if prepare != nil {
		prepare(h.fs)
	}
	j, err := openOn(h.fs, Config{Dir: h.dir, MaxBytes: 64 << 12, SegmentBytes: 4 << 10, OnHealth: func(told Health) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, told)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	h.j = j
	h.c = j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	synctest.Wait()
	return h
}

// append appends n records, and lets the disk keep up.
func (h *harness) append(n int) {
	h.t.Helper()
	for range n {
		if err := h.j.Append(time.Unix(int64(h.n), 0), slog.LevelInfo, numbered(h.n)); err != nil {
			h.t.Fatal(err)
		}
		h.n++
		synctest.Wait()
	}
}

// settle has the cursor settle what there is and checks that it is all records from
// the first on.
func (h *harness) settle(from int) {
	h.t.Helper()
	checkAll(h.t, h.c, from, h.n)
}

func checkAll(t *testing.T, c *Cursor, from, to int) {
	t.Helper()
	n := from
	settleAll(c, 10, func(e Entry) {
		if n < to && string(e.Data) != string(numbered(n)) {
			t.Fatalf("record %d is %q", n, e.Data)
		}
		n++
	})
	if p := c.Position(); n != to || p.Lost+p.Corrupt > 0 {
		t.Errorf("records up to %d, want %d; %+v", n, to, p)
	}
}

// killed checks that a next life has the records from the first on.
func (h *harness) killed(from int) {
	h.t.Helper()
	j := openDir(h.t, image(h.t, h.dir), 64)
	defer j.Close()
	c := j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	checkAll(h.t, c, from, h.n)
}

// expect checks what was told of the health: on disk or not, in turn.
func (h *harness) expect(onDisk ...bool) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	was, changes := true, []bool(nil)
	for _, told := range h.told {
		if told.OnDisk != was {
			was = told.OnDisk
			changes = append(changes, was)
		}
		if !told.OnDisk && told.Err == "" {
			h.t.Errorf("nobody knows why: %+v", told)
		}
	}
	if !slices.Equal(changes, onDisk) {
		h.t.Errorf("told %+v, want %v", h.told, onDisk)
	}
}

// recovers waits for the disk to be used again, at most the promised 5 s.
func (h *harness) recovers() {
	h.t.Helper()
	for range 5 {
		time.Sleep(time.Second)
		synctest.Wait()
	}
	if !h.j.Health().OnDisk {
		h.t.Errorf("after 5 s: %+v", h.j.Health())
	}
}

func TestDiskFaultsAreNotTheCallersAffair(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(*disktest.Faulty) // before the journal is opened
		fault func(*harness) (mend func())
	}{
		{"no space", nil, func(h *harness) func() {
			h.fs.SetSpace(0)
			return func() { h.fs.SetSpace(1 << 30) }
		}},
		{"no space at the start", func(f *disktest.Faulty) { f.SetSpace(0) }, func(h *harness) func() {
			return func() { h.fs.SetSpace(1 << 30) }
		}},
		{"I/O errors", nil, func(h *harness) func() {
			return h.fs.Fail(disktest.Every, "*.segment", syscall.EIO).Clear
		}},
		{"read-only at the start", func(f *disktest.Faulty) { f.SetSpace(0) }, func(h *harness) func() {
			return func() { h.fs.SetSpace(1 << 30) }
		}},
		{"no descriptors", nil, func(h *harness) func() {
			return h.fs.Fail(disktest.Create|disktest.Open|disktest.OpenRead, "*", syscall.EMFILE).Clear
		}},
		{"the directory is removed, and the disk is full", nil, func(h *harness) func() {
			h.fs.SetSpace(0)
			if err := os.RemoveAll(h.dir); err != nil {
				h.t.Fatal(err)
			}
			return func() { h.fs.SetSpace(1 << 30) }
		}},
		{"plain writes: no space", func(f *disktest.Faulty) { f.SetMappable(false) }, func(h *harness) func() {
			return h.fs.Fail(disktest.WriteAt|disktest.Allocate, "*.segment", syscall.ENOSPC).Clear
		}},
		{"plain writes: I/O errors", func(f *disktest.Faulty) { f.SetMappable(false) }, func(h *harness) func() {
			return h.fs.Fail(disktest.WriteAt|disktest.Create, "*.segment", syscall.EIO).Clear
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, tt.start)
				h.append(70)
				mend := tt.fault(h)
				h.append(200)
				time.Sleep(3 * time.Second)
				h.append(100)
				h.expect(false)
				mend()
				h.recovers()
				h.expect(false, true)
				h.killed(0)
				h.append(100)
				h.killed(0)
				h.settle(0)
				if got := h.j.Accepted(); got != uint64(h.n) {
					t.Errorf("accepted %d of %d", got, h.n)
				}
			})
		})
	}
}

func TestPlainWritesAreKilledWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(false) })
		for range 10 {
			h.append(35)
			h.killed(0)
		}
		h.settle(0)
		h.append(500)
		h.killed(350)
		h.expect()
	})
}

func TestSegmentThatIsCutUnderTheMappingCostsNoMoreThanIsInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(20)
		if err := os.Truncate(h.j.active.path(), 0); err != nil {
			t.Fatal(err)
		}
		h.append(200)
		h.recovers()
		n := 0
		settleAll(h.c, 10, func(e Entry) { n++ })
		p := h.c.Position()
		if lost := uint64(h.n - n); lost > 20 || p.Corrupt < lost || p.Corrupt > lost+1 || p.Unread > 0 {
			t.Errorf("%d of %d records; %+v", n, h.n, p)
		}
		h.expect(false, true)
	})
}

func TestFilesThatAreRemovedAreMadeAnew(t *testing.T) {
	for _, what := range []string{"active segment", "directory"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, nil)
				h.append(70)
				path := h.j.active.path()
				if what == "directory" {
					path = h.dir
				}
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				h.append(1)
				h.recovers()
				h.append(1)
				h.recovers()
				h.killed(0)
				h.append(300)
				h.killed(0)
				h.settle(0)
			})
		})
	}
}
