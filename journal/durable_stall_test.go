package journal

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

func TestQuietServiceFindsOutThatItsFilesAreGone(t *testing.T) {
	for name, remove := range map[string]func(h *harness) error{
		"directory removed": func(h *harness) error { return os.RemoveAll(h.dir) },
		"segment removed":   func(h *harness) error { return os.Remove(h.j.active.path()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, nil)
				for n := range perSegment / 2 { // so few that no file has to be made
					h.append(1)
					seconds(1)
					if n == 3 {
						if err := remove(h); err != nil {
							t.Fatal(err)
						}
					}
				}
				h.expect(false, true)
				h.killed(0)
				h.settle(0)
			})
		})
	}
}

func TestBacklogOnDiskStaysWhileOnlyMemoryIsOfUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		middle := h.j.NewCursor(CursorConfig{Key: "middle"})
		const onDisk = 50 * perSegment
		h.append(onDisk)
		failure := h.fs.Fail(disktest.Create|disktest.Allocate|disktest.WriteAt, "*", syscall.EROFS)
		h.append(20 * perSegment)
		read := len(readAll(middle)) // and now stands in memory
		h.append(80 * perSegment)    // of which some has to go
		failure.Clear()
		seconds(5)
		if got := settleLeft(t, h.c, 0); got < onDisk {
			t.Errorf("%d of the first %d records", got, onDisk)
		}
		settleLeft(t, middle, read)
	})
}

// settleLeft settles what is left for c, from the record from on, and checks that
// what is not there is counted as lost. It returns how many records came before the
// first gap.
func settleLeft(t *testing.T, c *Cursor, from int) (together int) {
	t.Helper()
	var b Batch
	n := uint64(0)
	for !c.Arm(1, 0) {
		c.Read(&b, ReadLimits{Records: 10})
		for e := range b.All() {
			if string(e.Data) != string(numbered(int(e.Seq))) {
				t.Fatalf("record %d is %q", e.Seq, e.Data)
			}
			if int(e.Seq) == from+together {
				together++
			}
			n++
		}
		c.Ack(c.Position().Next, Tally{})
	}
	if p := c.Position(); uint64(from)+n+p.Lost != p.End || p.Passed != p.End || p.Corrupt+p.Unread > 0 || p.Lost == 0 {
		t.Errorf("%d records; %+v", n, p)
	}
	return together
}

func TestPlainFilesThatCannotBeWrittenTakeNoMoreMemoryThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(false) })
		h.append(1)
		h.fs.Fail(disktest.WriteAt, "*.segment", syscall.ENOSPC) // though there is room for files
		for range perSegment {
			h.append(1)
			seconds(2)
			inMemory := 0
			h.j.mu.Lock()
			for s := h.j.oldest; s != nil; s = s.next {
				if s.words != nil {
					inMemory++
				}
			}
			h.j.mu.Unlock()
			if inMemory > 3 {
				t.Fatalf("%d segments are in memory with %d records", inMemory, h.n)
			}
		}
		h.expect(false)
		h.settle(0)
	})
}

func TestPlainFilesAreNotHeldOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(f *disktest.Faulty) { f.SetMappable(false) })
		h.append(40 * perSegment)
		segments := 0
		open, _ := left(t, h.dir)
		for _, path := range open {
			if strings.HasSuffix(path, ".segment") {
				segments++
			}
		}
		if most := 2 + spares; segments > most || segments == 0 {
			t.Errorf("%d segment files are open, want at most %d", segments, most)
		}
		h.settle(0)
		h.append(50 * perSegment) // in files that are opened again
		h.killed(40 * perSegment)
	})
}

func TestReaderOfAFailedSegmentIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openMapped(t, filepath.Join(t.TempDir(), "journal"))
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Key: "sink", Wake: wake})
		j.Ready()
		numberedRecords(t, j, 0, 10)
		if err := os.Truncate(j.active.path(), 0); err != nil {
			t.Fatal(err)
		}
		var b Batch
		c.Read(&b, ReadLimits{})
		if c.Arm(1, 0) {
			select {
			case <-wake:
			case <-time.After(time.Minute): // nothing is appended
				t.Errorf("not woken; %+v", c.Position())
			}
		}
		settleAll(c, 10, func(Entry) { t.Error("a record comes of nothing") })
		if p := c.Position(); p.Corrupt != 10 || p.Unread > 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestSegmentThatHasFailedIsReadAfterSeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openMapped(t, filepath.Join(t.TempDir(), "journal"))
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		numberedRecords(t, j, 0, 200)
		const left = 16 << 10
		if err := os.Truncate(j.active.path(), left); err != nil {
			t.Fatal(err)
		}
		j.Seal()
		synctest.Wait()
		want := (left - frame.Page) / (frameOf(1) - frameOf(0))
		if next := settleFrom(t, c, 0); next != want {
			t.Errorf("%d records, want %d", next, want)
		}
		if p := c.Position(); p.Corrupt != uint64(200-want) || p.Unread > 0 {
			t.Errorf("%+v", p)
		}
	})
}

// scribble replaces the first word of the frame of record i in the active segment.
func scribble(t *testing.T, j *Journal, i int, word uint64) {
	t.Helper()
	f, err := os.OpenFile(j.active.path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(binary.NativeEndian.AppendUint64(nil, word), int64(frameOf(i))); err != nil {
		t.Fatal(err)
	}
}

func TestScribbledFrameDoesNotEndTheProcess(t *testing.T) {
	for _, tt := range []struct {
		name  string
		word  uint64 // of the third of five frames
		found bool   // in memory, where nobody looks at checks
	}{
		{"zeros", 0, true},
		{"another lap", frame.PackState(frame.Published, 100, 7), true},
		{"length beyond the segment", frame.PackState(frame.Published, 1<<29, 1), true},
		{"length beyond the log", frame.PackState(frame.Published, 1000, 1), false},
		{"length of nothing", frame.PackState(frame.Published, 0, 1), false},
	} {
		for _, seal := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newHarness(t, nil)
					h.append(5)
					if !h.j.active.mapped() {
						t.Skip("files are not mapped here")
					}
					scribble(t, h.j, 2, tt.word)
					if seal {
						h.j.Seal()
						synctest.Wait()
					}
					var got []string
					for range 5 {
						settleAll(h.c, 10, func(e Entry) { got = append(got, string(e.Data)) })
						seconds(1)
					}
					if tt.found && (len(got) != 4 || got[3] != string(numbered(4))) {
						t.Errorf("sealed %v: %.30q", seal, got)
					}
					if p := h.c.Position(); p.Corrupt+uint64(len(got)) != 5 || p.Unread+p.Lost > 0 {
						t.Errorf("sealed %v: %+v", seal, p)
					}
				})
			})
		}
	}
}

func TestSegmentThatIsComingIsWaitedForBeforeAnythingIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disktest.New(disk.OS())
		j, err := openOn(fs, Config{Dir: filepath.Join(t.TempDir(), "journal"), MaxBytes: 4 << 12, SegmentBytes: 4 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		synctest.Wait() // for the second and the third
		resume := make(chan struct{})
		fs.Before(disktest.Create, "*.segment", func(disktest.Op, string) { <-resume })
		numberedRecords(t, j, 0, 3*perSegment)
		if p := c.Position(); p.Lost > 0 {
			t.Fatalf("%+v", p)
		}
		time.AfterFunc(10*time.Millisecond, func() { close(resume) })
		start := time.Now()
		appendNumbered(t, j, 3*perSegment)
		if d := time.Since(start); d != 10*time.Millisecond {
			t.Errorf("the append took %v", d)
		}
		if p := c.Position(); p.Lost > 0 || !j.Health().OnDisk {
			t.Errorf("%+v, %+v", p, j.Health())
		}
	})
}

func TestAppendThatWaitsForAFileIsToldThatNoneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		resume := make(chan struct{})
		h.fs.Before(disktest.Create, "*.segment", func(disktest.Op, string) { <-resume })
		h.fs.Fail(disktest.Create, "*.segment", syscall.EIO)
		time.AfterFunc(10*time.Millisecond, func() { close(resume) })
		longest := time.Duration(0)
		for range 5 * perSegment {
			start := time.Now()
			appendNumbered(t, h.j, h.n)
			longest = max(longest, time.Since(start))
			h.n++
		}
		if longest != 10*time.Millisecond {
			t.Errorf("an append took %v", longest)
		}
		h.settle(0)
	})
}

func TestCursorFileOfAnotherKeyCostsItsProgressAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		dir := h.j.ownLife().Dir
		page, err := os.ReadFile(life.CursorPath(dir, "sink"))
		if err != nil {
			t.Fatal(err)
		}
		// As on a file system that does not tell upper from lower case.
		if err := os.WriteFile(life.CursorPath(dir, "Sink"), page, 0o600); err != nil {
			t.Fatal(err)
		}
		c := h.j.NewCursor(CursorConfig{Key: "Sink"})
		for range 10 {
			h.append(5)
			seconds(1)
		}
		h.expect()
		if got := h.j.Health(); !got.OnDisk || !strings.Contains(strings.Join(got.Problems, ";"), "Sink") {
			t.Errorf("%+v", got)
		}
		if c.Ack(10, Tally{Delivered: 10}) == nil {
			t.Error("Ack says that its progress is kept")
		}
		expectUnread(t, c, 0, 50)
		h.killed(0)
	})
}

func TestWorseErrorTakesThePlaceOfAMildOne(t *testing.T) {
	var st store
	for _, step := range []struct {
		err, want error
		wholly    bool // not even the files that are there can be used
	}{
		{syscall.ENOSPC, syscall.ENOSPC, false},
		{os.ErrDeadlineExceeded, syscall.ENOSPC, false},
		{syscall.EIO, syscall.EIO, true},
		{syscall.ENOSPC, syscall.EIO, true},
		{syscall.EROFS, syscall.EIO, true},
	} {
		st.fail(step.err)
		if failing, wholly := st.failing(); st.err != step.want || !failing || wholly != step.wholly {
			t.Errorf("after %v: %v, wholly %t", step.err, st.err, wholly)
		}
	}
}

func TestTalliesThatCannotBeCarriedAreCarriedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 10, "sink")
		fs := disktest.New(disk.OS())
		told := 0
		time.Sleep(time.Nanosecond)
		j, err := openOn(fs, Config{Dir: dir, MaxBytes: 64 << 12, SegmentBytes: 4 << 10, OnHealth: func(h Health) {
			if told++; !h.OnDisk {
				t.Errorf("%+v", h)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		failure := fs.Fail(disktest.WriteFile, "carried", syscall.EIO)
		checkAll(t, c, 0, 10)
		seconds(10)
		if h := j.Health(); !h.OnDisk || h.Lives != 1 || len(h.Problems) != 1 || told != 1 {
			t.Errorf("told %d times: %+v", told, h)
		}
		failure.Clear()
		seconds(2)
		if h := j.Health(); h.Lives != 0 {
			t.Errorf("%+v", h)
		}
	})
}

func TestBacklogOnDiskStaysWhileTheDiskHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		const onDisk = 50 * perSegment
		h.append(onDisk)
		resume := make(chan struct{})
		end := h.fs.Before(disktest.Create, "*.segment", func(disktest.Op, string) { <-resume })
		h.append(100 * perSegment)
		end()
		close(resume)
		seconds(5)
		if got := settleLeft(t, h.c, 0); got < onDisk {
			t.Errorf("%d of the first %d records", got, onDisk)
		}
	})
}

func TestDiskThatHangsIsToldOfWhileItHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		resume := make(chan struct{})
		end := h.fs.Before(disktest.Create, "*.segment", func(disktest.Op, string) { <-resume })
		h.append(20 * perSegment)
		h.expect(false)
		end()
		close(resume)
		h.recovers()
		h.expect(false, true)
	})
}

func TestOnHealthThatHangsHoldsUpCloseAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := disktest.New(disk.OS())
		resume := make(chan struct{})
		calls := 0
		dir := filepath.Join(t.TempDir(), "journal")
		j, err := openOn(fs, Config{Dir: dir, MaxBytes: 64 << 12, SegmentBytes: 4 << 10, OnHealth: func(Health) {
			calls++
			<-resume
		}})
		if err != nil {
			t.Fatal(err)
		}
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		failure := fs.Fail(disktest.Create, "*.segment", syscall.EIO)
		numberedRecords(t, j, 0, 10*perSegment)
		failure.Clear()
		seconds(2)
		if h := j.Health(); calls != 1 || !h.OnDisk {
			t.Errorf("%d calls; %+v", calls, h)
		}
		checkAll(t, c, 0, 10*perSegment)
		closed := make(chan struct{})
		go func() { j.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close has not waited for it")
		default:
		}
		close(resume)
		<-closed
		if calls != 2 {
			t.Errorf("%d calls, want that it is well again as the second", calls)
		}
	})
}

func TestFullDiskIsNoLossWhileTheFilesThereAreSuffice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(3 * perSegment)
		h.fs.SetSpace(0)
		settled := 0
		for range 20 { // in the files that are there, again and again
			h.append(perSegment)
			h.killed(settled)
			if got := h.j.Health(); !got.OnDisk || got.Err != "" {
				t.Fatalf("%+v", got)
			}
			h.settle(settled)
			settled = h.n
		}
		if got := h.j.Health(); len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "no space left on device") {
			t.Errorf("%+v", got)
		}
		if len(h.told) != 1 || len(h.told[0].Problems) != 1 {
			t.Errorf("told %+v", h.told)
		}
		h.append(20 * perSegment) // more than these hold
		if got := h.j.Health(); got.OnDisk || !strings.Contains(got.Err, "no space left on device") || len(got.Problems) > 0 {
			t.Errorf("%+v", got)
		}
		h.settle(settled)
		h.append(1)
		h.expect(false) // whatever comes and goes until there is room
		h.fs.SetSpace(1 << 30)
		h.recovers()
		h.expect(false, true)
		if got := h.j.Health(); len(got.Problems) > 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhatIsLeftOnAFullDiskIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		h.append(3 * perSegment)
		h.fs.SetSpace(0)
		h.append(2 * perSegment)
		h.j.Close()
		if got := h.j.Health(); !got.OnDisk {
			t.Errorf("%+v", got)
		}
		h.killed(0)
	})
}
