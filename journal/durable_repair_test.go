package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// seconds lets the custodian look n times.
func seconds(n int) {
	for range n {
		time.Sleep(time.Second)
		synctest.Wait()
	}
}

// openFaulty is openNext on a disk that can be made to fail, with 64 segments.
func openFaulty(t *testing.T, fs *disktest.Faulty, dir string) *Journal {
	t.Helper()
	time.Sleep(time.Nanosecond)
	j, err := openOn(fs, Config{Dir: dir, MaxBytes: 64 << 12, SegmentBytes: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

// expectNothing opens dir as another process of the service would, and checks that
// it has nothing to deliver: the records are those of a life that goes on.
func expectNothing(t *testing.T, dir string) {
	t.Helper()
	j := openNext(t, dir, 64)
	defer j.Close()
	c := j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	if h, p := j.Health(), c.Position(); h.Lives != 0 || p.Unread > 0 {
		t.Errorf("it has another's life: %+v, %+v", h, p)
	}
}

func TestLifeKeepsItsLockWhileItsDiskFails(t *testing.T) {
	const ops = disktest.Linked | disktest.Lstat | disktest.Mkdir | disktest.Create | disktest.OpenRoot | disktest.ReadDir
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(10)
		failure := h.fs.Fail(ops, "*", syscall.EIO)
		seconds(2)
		h.append(1) // has the custodian look
		seconds(2)
		if h.j.Health().OnDisk {
			t.Fatal("nothing has failed")
		}
		expectNothing(t, h.dir)
		failure.Clear()
		h.recovers()
		h.append(20)
		h.killed(0)
		h.settle(0)
		h.expect(false, true)
	})
}

func TestDirectoryThatComesBackHasKeptItsLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(10)
		dir := h.j.ownLife().Dir
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		failure := h.fs.Fail(disktest.Mkdir, "*", syscall.EIO)
		seconds(2)
		h.append(1)
		seconds(2)
		if h.j.Health().OnDisk {
			t.Fatal("the directory is not missed")
		}
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Fatal(err)
		}
		expectNothing(t, h.dir)
		failure.Clear()
		h.recovers()
		h.append(20)
		h.killed(0)
		h.settle(0)
	})
}

// Its records would be removed unread: another's tallies say that they are settled.
func TestLifeThatAnotherProcessHasDrainedIsNotResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(10)
		dir := h.j.ownLife().Dir
		if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
			t.Fatal(err)
		}
		other := openNext(t, h.dir, 64)
		c := other.NewCursor(CursorConfig{Key: "sink"})
		other.Ready()
		checkAll(t, c, 0, 10)
		synctest.Wait()
		if got := other.Health(); got.Lives != 0 {
			t.Fatalf("it is not removed: %+v", got)
		}
		h.append(20)
		seconds(10)
		if got := h.j.Health(); got.OnDisk || got.Err == "" {
			t.Errorf("%+v", got)
		}
		if exists(dir) {
			t.Errorf("%s is there again", dir)
		}
		h.settle(0)
	})
}

// What was read into memory no more is gone with the files; what is in memory is
// not.
func TestPlainFilesThatAreRemovedCostWhatWasInThemAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(false) })
		h.append(7 * perSegment)
		if err := os.RemoveAll(h.dir); err != nil {
			t.Fatal(err)
		}
		h.append(1)
		h.recovers()
		h.append(perSegment)
		h.recovers()
		next := openDir(t, image(t, h.dir), 64)
		for name, c := range map[string]*Cursor{"this life": h.c, "the next": next.NewCursor(CursorConfig{Key: "sink"})} {
			var last string
			n := 0
			settleAll(c, 10, func(e Entry) { n, last = n+1, string(e.Data) })
			p := c.Position()
			if n < 2*perSegment+1 || last != string(numbered(h.n-1)) || p.Unread > 0 {
				t.Errorf("%s: %d records up to %q; %+v", name, n, last, p)
			}
			if uint64(n)+p.Corrupt+c.Settled().Overflow != uint64(h.n) || p.Lost > 0 {
				t.Errorf("%s: %d records of %d; %+v", name, n, h.n, p)
			}
		}
		h.expect(false, true)
	})
}

func TestEarlierLivesAreDrainedThoughTheDiskIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 100, "sink")
		fs := disktest.New(disk.OS())
		failure := fs.Fail(disktest.WriteAt|disktest.Mkdir|disktest.Allocate|disktest.WriteFile, "*", syscall.ENOSPC)
		j := openFaulty(t, fs, dir)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		numberedRecords(t, j, 100, 110)
		if h := j.Health(); h.OnDisk || h.Lives != 1 {
			t.Errorf("%+v", h)
		}
		checkAll(t, c, 0, 110)
		failure.Clear()
		seconds(5)
		if h := j.Health(); !h.OnDisk || h.Lives != 0 {
			t.Errorf("%+v", h)
		}
		next := openNext(t, image(t, dir), 64)
		if s := next.NewCursor(CursorConfig{Key: "sink"}).Settled(); s != (Tally{Delivered: 110}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestFileThatCannotBeOpenedDoesNotStopASinkForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 3*perSegment, "sink")
		fs := disktest.New(disk.OS())
		j := openFaulty(t, fs, dir)
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Key: "sink", Wake: wake})
		j.Ready()
		fs.Fail(disktest.OpenRead, "*00000001.segment", syscall.EIO)
		var got []string
		for range 10 {
			settleAll(c, 10, func(e Entry) { got = append(got, string(e.Data)) })
			if c.Position().Unread == 0 {
				break
			}
			select {
			case <-wake:
			case <-time.After(time.Minute):
				t.Fatalf("nobody says that it can be tried again; %+v", c.Position())
			}
		}
		if len(got) != 2*perSegment || got[perSegment] != string(numbered(2*perSegment)) {
			t.Errorf("%d records", len(got))
		}
		if p := c.Position(); p.Corrupt != perSegment || p.Lost+p.Unread > 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestCloseKeepsWhatIsInMemory(t *testing.T) {
	for _, plain := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(!plain) })
			h.append(10)
			failure := h.fs.Fail(disktest.Create|disktest.Allocate|disktest.WriteAt, "*.segment", syscall.ENOSPC)
			h.append(4 * perSegment)
			failure.Clear()
			h.j.Close() // before anybody has found out that the disk is well
			h.killed(0)
		})
	}
}

// An Ack that says it is kept is, and one that comes too late says so.
func TestAckThatMeetsCloseIsKeptOrRefused(t *testing.T) {
	for range 30 {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openDir(t, dir, 64)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		kept := make(chan uint64)
		go func() {
			n := uint64(0)
			for c.Ack(0, Tally{In: 1}) == nil {
				n++
			}
			kept <- n
		}()
		j.Close()
		want := <-kept
		if got := openDir(t, dir, 64).NewCursor(CursorConfig{Key: "sink"}).Settled(); got != (Tally{In: want}) {
			t.Errorf("%+v, and %d were kept", got, want)
		}
	}
}

// A life without records is removed, but not one with a tally.
func TestTallyThatComesLastKeepsTheLife(t *testing.T) {
	fs := disktest.New(disk.OS())
	fs.SetMappable(false)
	dir := filepath.Join(t.TempDir(), "journal")
	j := openFaulty(t, fs, dir)
	j.NewCursor(CursorConfig{Key: "first"})
	c := j.NewCursor(CursorConfig{Key: "sink"})
	j.Ready()
	defer fs.Before(disktest.Close, "first.cursor", func(disktest.Op, string) {
		if err := c.Ack(0, Tally{In: 1}); err != nil {
			t.Error(err)
		}
	})()
	j.Close()
	if s := openDir(t, dir, 64).NewCursor(CursorConfig{Key: "sink"}).Settled(); s != (Tally{In: 1}) {
		t.Errorf("%+v", s)
	}
}

func TestAckThatIsUnderWayKeepsItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 10, "a", "b")
		fs := disktest.New(disk.OS())
		j := openFaulty(t, fs, dir)
		a, b := j.NewCursor(CursorConfig{Key: "a"}), j.NewCursor(CursorConfig{Key: "b"})
		j.Ready()
		if err := a.Ack(10, Tally{Delivered: 10}); err != nil {
			t.Fatal(err)
		}
		resume, acked := make(chan struct{}), make(chan error)
		end := fs.Before(disktest.WriteAt, "a.cursor", func(disktest.Op, string) { <-resume })
		go func() { acked <- a.Ack(10, Tally{In: 1}) }()
		synctest.Wait()
		b.Ack(10, Tally{Delivered: 10})
		synctest.Wait()
		if h := j.Health(); h.Lives != 1 {
			t.Errorf("the life is gone: %+v", h)
		}
		end()
		close(resume)
		if err := <-acked; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if h := j.Health(); h.Lives != 0 {
			t.Errorf("the life stays: %+v", h)
		}
		next := openNext(t, image(t, dir), 64)
		if s := next.NewCursor(CursorConfig{Key: "a"}).Settled(); s != (Tally{Delivered: 10, In: 1}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestTallyThatCouldNotBeStoredIsStoredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 10, "sink")
		leave(t, dir, 10, 20, "sink")
		fs := disktest.New(disk.OS())
		j := openFaulty(t, fs, dir)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		failure := fs.Fail(disktest.WriteAt, "*.cursor", syscall.EIO)
		// The records of the first life that are lost stand in the second one.
		if err := c.Ack(15, Tally{Overflow: 10, Delivered: 5}); !errors.Is(err, syscall.EIO) {
			t.Errorf("Ack: %v", err)
		}
		seconds(3)
		if h := j.Health(); h.Lives != 2 {
			t.Errorf("a life is let go of whose losses stand nowhere: %+v", h)
		}
		failure.Clear()
		seconds(2)
		if h := j.Health(); h.Lives != 1 {
			t.Errorf("%+v", h)
		}
		next := openNext(t, image(t, dir), 64)
		if s := next.NewCursor(CursorConfig{Key: "sink"}).Settled(); s != (Tally{Overflow: 10, Delivered: 5}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestCursorFileThatIsRemovedIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(20)
		h.c.Ack(10, Tally{Delivered: 10})
		path := life.CursorPath(h.j.ownLife().Dir, "sink")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		h.append(1)
		seconds(2)
		h.append(1)
		seconds(2)
		h.c.Ack(15, Tally{Delivered: 5})
		next := openNext(t, image(t, h.dir), 64)
		c := next.NewCursor(CursorConfig{Key: "sink"})
		if s := c.Settled(); s != (Tally{Delivered: 15}) {
			t.Errorf("%+v", s)
		}
		expectUnread(t, c, 15, 7)
		h.expect()
	})
}

func TestFilesThatAreWrittenAnewAgainAndAgainAreUnmapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(30 * perSegment)
		for range 3 {
			if err := os.RemoveAll(h.dir); err != nil {
				t.Fatal(err)
			}
			h.append(1)
			h.recovers()
		}
		h.settle(0) // from the memory of the first file of each segment
		h.j.Close()
		if open, _ := left(t, h.dir); len(open) > 0 {
			t.Errorf("%d files are left open, %s for one", len(open), open[0])
		}
	})
}

func TestDirectoryThatComesBackAgainAndAgainStaysWithinTheLimit(t *testing.T) {
	for _, tt := range []struct {
		name       string
		away, back func(h *harness) error
	}{
		{"volume",
			func(h *harness) error {
				return errors.Join(os.Rename(h.dir, h.dir+".away"), os.WriteFile(h.dir, nil, 0o600))
			},
			func(h *harness) error { return errors.Join(os.Remove(h.dir), os.Rename(h.dir+".away", h.dir)) }},
		{"lock",
			func(h *harness) error { return os.Remove(filepath.Join(h.j.ownLife().Dir, "lock")) },
			func(h *harness) error { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, nil)
				settled := 0
				for range 4 {
					h.append(50 * perSegment) // whose files are used again when they are settled
					h.settle(settled)
					settled = h.n
					if err := tt.away(h); err != nil {
						t.Fatal(err)
					}
					h.append(1)
					seconds(3)
					if err := tt.back(h); err != nil {
						t.Fatal(err)
					}
					h.append(1)
					h.recovers()
				}
				files, _ := filepath.Glob(filepath.Join(h.dir, "*", "*.segment"))
				if limit := h.j.bytesOf(len(files)); limit > h.j.maxBytes || len(files) != h.j.live {
					t.Errorf("%d files; the journal knows %d", len(files), h.j.live)
				}
				h.killed(settled)
				h.settle(settled)
			})
		})
	}
}

func TestFileThatCannotBeRemovedIsRemovedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(5 * perSegment)
		failure := h.fs.Fail(disktest.Remove, "*.segment", syscall.EBUSY)
		if err := os.Remove(filepath.Join(h.j.ownLife().Dir, "lock")); err != nil {
			t.Fatal(err)
		}
		h.append(1)
		h.recovers()
		failure.Clear()
		h.append(1)
		seconds(2)
		files, _ := filepath.Glob(filepath.Join(h.dir, "*", "*.segment"))
		if len(files) != h.j.live {
			t.Errorf("%d files; the journal knows %d", len(files), h.j.live)
		}
		h.killed(0)
	})
}

func TestDirectoryIsMadeAnewAfterAnAttemptThatCouldNotCleanUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(10)
		if err := os.RemoveAll(h.dir); err != nil {
			t.Fatal(err)
		}
		h.fs.FailNext(1, disktest.WriteAt, "lock", syscall.EROFS)
		failure := h.fs.Fail(disktest.Remove, "*", syscall.EROFS)
		h.append(1)
		seconds(3)
		if failure.Count() == 0 || h.j.Health().OnDisk {
			t.Fatal("nothing has failed")
		}
		failure.Clear()
		h.recovers()
		h.killed(0)
		h.settle(0)
	})
}

// On some file systems a file that nobody has open gets another number.
func TestFileThatIsOpenedAgainIsComparedWithWhatItIsThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(false) })
		settled := 0
		for range 4 {
			h.append(6 * perSegment)
			synctest.Wait()
			h.renumberClosedFiles()
			seconds(2)
			h.settle(settled)
			settled = h.n
			seconds(2)
			h.append(1)
			seconds(2)
		}
		if len(h.told) > 0 {
			t.Errorf("told %+v", h.told)
		}
	})
}

// renumberClosedFiles puts a copy in the place of each segment's file that is not open.
func (h *harness) renumberClosedFiles() {
	h.t.Helper()
	open := map[string]bool{}
	h.j.mu.Lock()
	files := slices.Concat(h.j.store.idle, h.j.store.spare)
	for s := h.j.oldest; s != nil; s = s.next {
		files = append(files, s.file)
	}
	for _, f := range files {
		open[f.path] = f.file != nil
	}
	h.j.mu.Unlock()
	paths, _ := filepath.Glob(filepath.Join(h.dir, "*", "*.segment"))
	for _, path := range paths {
		if open[path] {
			continue
		}
		text, err := os.ReadFile(path)
		if err := errors.Join(err, os.WriteFile(path+"~", text, 0o600), os.Rename(path+"~", path)); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestFilesThatAreReplacedByCopiesAreMadeAnew(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, suffix := range []string{"segment", "cursor"} {
			t.Run(fmt.Sprintf("%s, plain %v", suffix, plain), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(!plain) })
					h.append(10)
					if err := h.c.Ack(3, Tally{Delivered: 3}); err != nil {
						t.Fatal(err)
					}
					paths, _ := filepath.Glob(filepath.Join(h.dir, "*", "*."+suffix))
					for _, path := range paths {
						text, err := os.ReadFile(path)
						if err := errors.Join(err, os.WriteFile(path+"~", text, 0o600), os.Rename(path+"~", path)); err != nil {
							t.Fatal(err)
						}
					}
					h.append(5)
					h.recovers()
					if err := h.c.Ack(7, Tally{Delivered: 4}); err != nil {
						t.Fatal(err)
					}
					h.append(2 * perSegment) // in files that were made ready before
					h.recovers()
					h.killed(7)
					if len(paths) == 0 || suffix == "segment" && !strings.Contains(h.told[0].Err, "was replaced") {
						t.Errorf("%d files were replaced; told %+v", len(paths), h.told)
					}
				})
			})
		}
	}
}
