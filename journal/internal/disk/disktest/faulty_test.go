package disktest

import (
	"errors"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

func TestUntoldItDoesWhatTheOtherDoes(t *testing.T) {
	dir := t.TempDir()
	f := New(disk.OS())
	for op, call := range calls(t, f, dir) {
		if err := call(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v: %v", op, err)
		}
	}
	if f.Mappable(dir) != disk.OS().Mappable(dir) {
		t.Error("another opinion of what is mappable")
	}
	info, err := f.Lstat(dir)
	if err != nil || !f.Own(info) {
		t.Errorf("its own directory is another's; %v", err)
	}
}

func TestEveryOperationFailsOnDemandAndOnlyThat(t *testing.T) {
	for i := range bits.Len32(uint32(Every)) {
		op := Op(1 << i)
		t.Run(op.String(), func(t *testing.T) {
			f := New(disk.OS())
			all := calls(t, f, t.TempDir())
			failure := f.Fail(op, "*", syscall.EIO)
			if err := all[op](); !errors.Is(err, syscall.EIO) {
				t.Errorf("got %v", err)
			}
			other := Op(1 << ((i + 1) % bits.Len32(uint32(Every))))
			if err := all[other](); errors.Is(err, syscall.EIO) {
				t.Errorf("%v fails as well", other)
			}
			failure.Clear()
			// A file that was closed in vain is closed.
			if err := all[op](); op != Close && errors.Is(err, syscall.EIO) {
				t.Errorf("cleared, it fails: %v", err)
			}
			if got := failure.Count(); got != 1 {
				t.Errorf("%d failures counted, want 1", got)
			}
		})
	}
}

func TestFailuresAreForMatchingPathsAndAsOftenAsSaid(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "life")
	f := New(disk.OS())
	ok(t, f.Mkdir(dir))
	all := f.Fail(Lstat, "*/life/0*.segment", syscall.EACCES)
	f.FailNext(2, Create|Lstat, "lock", syscall.EMFILE)
	for i, c := range []struct {
		name string
		want error
	}{
		{"00000001.segment", syscall.EACCES}, {"1.segment", syscall.ENOENT}, {"lock", syscall.EMFILE},
		{"lock", syscall.EMFILE}, {"lock", syscall.ENOENT}, {"00000002.segment", syscall.EACCES},
	} {
		if _, err := f.Lstat(filepath.Join(dir, c.name)); !errors.Is(err, c.want) {
			t.Errorf("call %d, of %s: %v; want %v", i, c.name, err, c.want)
		}
	}
	if got := all.Count(); got != 2 {
		t.Errorf("%d failures counted, want 2", got)
	}
}

func TestRenameFailsForEitherPath(t *testing.T) {
	dir := t.TempDir()
	f := New(disk.OS())
	f.Fail(Rename, "to", syscall.EIO)
	f.Fail(Rename, "from", syscall.ENOSPC)
	if err := f.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "to")); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	if err := f.Rename(filepath.Join(dir, "from"), filepath.Join(dir, "b")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
}

func TestShortWriteWritesAsMuchAsItIsToldTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f := New(disk.OS())
	file := open(t, f, path)
	f.ShortWrite(1, 3, "f", syscall.ENOSPC)
	if n, err := file.WriteAt([]byte("abcdef"), 2); n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if got, _ := os.ReadFile(path); string(got) != "\x00\x00abc" {
		t.Errorf("the file has %q", got)
	}
	if n, err := file.WriteAt([]byte("abcdef"), 0); n != 6 || err != nil {
		t.Errorf("the next wrote %d, %v", n, err)
	}
}

func TestUnreadableBytesAreWhereTheyAreSaidToBe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f := New(disk.OS())
	file := open(t, f, path)
	if _, err := file.WriteAt([]byte("0123456789"), 0); err != nil {
		t.Fatal(err)
	}
	failure := f.Unreadable("f", 4, 6)
	for _, c := range []struct {
		off, length int64
		want        string
		err         error
	}{
		{0, 4, "0123", nil}, {0, 5, "0123", syscall.EIO}, {2, 8, "23", syscall.EIO}, {4, 1, "", syscall.EIO},
		{5, 9, "", syscall.EIO}, {6, 4, "6789", nil}, {6, 5, "6789", io.EOF},
	} {
		p := make([]byte, c.length)
		n, err := file.ReadAt(p, c.off)
		if string(p[:n]) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d bytes at %d: %q, %v; want %q, %v", c.length, c.off, p[:n], err, c.want, c.err)
		}
	}
	failure.Clear()
	if n, err := file.ReadAt(make([]byte, 10), 0); n != 10 || err != nil {
		t.Errorf("cleared: %d, %v", n, err)
	}
}

func TestSpaceIsSharedAndComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	f := New(disk.OS())
	ok(t, f.Mkdir(dir))
	a, b := open(t, f, filepath.Join(dir, "a")), open(t, f, filepath.Join(dir, "b"))
	ok(t, a.Allocate(5000)) // before there is a limit
	f.SetSpace(10000)
	ok(t, a.Allocate(9000)) // 4000 more
	full(t, b.Allocate(6001))
	ok(t, b.Allocate(6000))
	ok(t, b.Allocate(6000)) // has them
	full(t, a.Allocate(9001))
	ok(t, a.Truncate(8000))
	ok(t, b.Allocate(7000))

	was := dir
	dir = filepath.Join(filepath.Dir(was), "named")
	ok(t, a.Close())
	ok(t, b.Close())
	ok(t, f.Rename(was, dir))
	ok(t, f.Remove(filepath.Join(dir, "a"))) // 8000 bytes
	c := open(t, f, filepath.Join(dir, "c"))
	full(t, c.Allocate(8001))
	ok(t, c.Allocate(8000))
	ok(t, f.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "c"))) // in its place
	ok(t, open(t, f, filepath.Join(dir, "d")).Allocate(8000))
	f.SetSpace(-1)
	full(t, open(t, f, filepath.Join(dir, "e")).Allocate(1))
}

func TestMappingCanBeSwitchedOff(t *testing.T) {
	dir := t.TempDir()
	f := New(disk.OS())
	file := open(t, f, filepath.Join(dir, "f"))
	f.SetMappable(false)
	if _, err := file.Map(4096); !errors.Is(err, errors.ErrUnsupported) || f.Mappable(dir) {
		t.Errorf("mapped: %v; mappable: %v", err, f.Mappable(dir))
	}
	f.SetMappable(true)
	if f.Mappable(dir) != disk.OS().Mappable(dir) {
		t.Error("it stays off")
	}
}

func TestFailuresCanBeSetWhileOthersWork(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := New(disk.OS())
		file := open(t, f, filepath.Join(dir, "f"))
		var failed int
		var workers sync.WaitGroup
		failure := f.FailNext(100, WriteAt, "f", syscall.EIO)
		var mu sync.Mutex
		for range 4 {
			workers.Go(func() {
				for range 200 {
					_, err := file.WriteAt([]byte("x"), 0)
					mu.Lock()
					if err != nil {
						failed++
					}
					mu.Unlock()
				}
			})
			f.SetSpace(1 << 20)
			f.Fail(Open, "none", syscall.EIO).Clear()
		}
		workers.Wait()
		if failed != 100 || failure.Count() != 100 {
			t.Errorf("%d calls failed, %d counted; want 100", failed, failure.Count())
		}
	})
}

func TestMalformedPatternPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it does not")
		}
	}()
	New(disk.OS()).Fail(Every, "[", syscall.EIO)
}

// calls makes files for a call of each operation, which succeeds at least once
// in the order of the operations.
func calls(t *testing.T, f *Faulty, dir string) map[Op]func() error {
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"old", "gone"} {
		ok(t, os.WriteFile(at(name), nil, 0o600))
	}
	file, closing := open(t, f, at("f")), open(t, f, at("closing"))
	ok(t, file.Allocate(8192))
	opened := func(file disk.File, err error) error {
		if err == nil {
			err = file.Close()
		}
		return err
	}
	return map[Op]func() error{
		OpenRoot:  func() error { return f.OpenRoot(at("root")) },
		Mkdir:     func() error { return f.Mkdir(at("dir")) },
		ReadDir:   func() error { _, err := f.ReadDir(dir); return err },
		Lstat:     func() error { _, err := f.Lstat(dir); return err },
		Create:    func() error { return opened(f.Create(at("new"))) },
		Open:      func() error { return opened(f.Open(at("f"))) },
		OpenRead:  func() error { return opened(f.OpenRead(at("f"))) },
		WriteFile: func() error { return f.WriteFile(at("written"), []byte("x")) },
		Rename:    func() error { return f.Rename(at("old"), at("renamed")) },
		Remove:    func() error { return f.Remove(at("gone")) },
		ReadAt:    func() error { _, err := file.ReadAt(make([]byte, 8), 0); return err },
		WriteAt:   func() error { _, err := file.WriteAt(make([]byte, 8), 0); return err },
		Size:      func() error { _, err := file.Size(); return err },
		Allocate:  func() error { return file.Allocate(8192) },
		Truncate:  func() error { return file.Truncate(8192) },
		TryLock:   func() error { _, err := file.TryLock(); return err },
		Linked:    func() error { _, err := file.Linked(at("f")); return err },
		Map: func() error {
			m, err := file.Map(4096)
			if err == nil {
				err = m.Unmap()
			}
			return err
		},
		Close: closing.Close,
	}
}

// open makes the file at path.
func open(t *testing.T, f *Faulty, path string) disk.File {
	t.Helper()
	file, err := f.Create(path)
	ok(t, err)
	t.Cleanup(func() { file.Close() })
	return file
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func full(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
}
