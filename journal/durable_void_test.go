package journal

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// openMapped is Open with segments of 64 KiB in mapped files. Where there are
// none, and under the race detector, which takes the process down with a fault,
// the test ends here.
func openMapped(t *testing.T, dir string) *Journal {
	t.Helper()
	if raceEnabled {
		t.Skip("faults in mapped memory end a process that the race detector watches")
	}
	j, err := Open(Config{Dir: dir, MaxBytes: 64 << 20, SegmentBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	if !j.active.mapped() {
		t.Skip("files are not mapped here")
	}
	return j
}

// A frame whose header is on a page that is there, and whose payload is not.
func TestFaultInTheMiddleOfAnAppendCostsAVoidFrameAndNoRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		j := openMapped(t, dir)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		mustAppend(t, j, string(make([]byte, frame.Page-3*frame.Header))) // a frame's header still fits on the page
		synctest.Wait()
		if err := os.Truncate(j.active.path(), 2*frame.Page); err != nil {
			t.Fatal(err)
		}
		const want = "the record that is caught in the fault, and longer than what is left of the page"
		mustAppend(t, j, want)
		mustAppend(t, j, "after")
		if got := j.Accepted(); got != 3 {
			t.Errorf("accepted %d", got)
		}
		for range 3 {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		next := openDir(t, image(t, dir), 1024)
		later := next.NewCursor(CursorConfig{Key: "sink"})
		next.Ready()
		for name, c := range map[string]*Cursor{"this life": c, "the next": later} {
			var got []string
			settleAll(c, 1, func(e Entry) { got = append(got, string(e.Data)) })
			if len(got) != 3 || got[1] != want || got[2] != "after" {
				t.Errorf("%s: %d records, %.200q", name, len(got), got)
			}
			if p := c.Position(); p.Corrupt != 1 || p.Lost != 0 || p.Passed != 4 {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if h := j.Health(); !h.OnDisk {
			t.Errorf("%+v", h)
		}
	})
}

// A frame that is reserved and never published holds up all others, but not where its
// segment has failed.
func TestAppendsGoOnBehindAFrameThatIsLostWithItsSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openMapped(t, filepath.Join(t.TempDir(), "journal"))
		j.Ready()
		held, err := j.reserve(100)
		if err != nil {
			t.Fatal(err)
		}
		segments := func() uint64 {
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.installed
		}
		for segments() < 2 {
			appendN(t, j, 1, 1000)
		}
		appended := make(chan struct{}) // closed when two more segments have been active
		go func() {
			defer close(appended)
			for segments() < 4 {
				if err := j.Append(time.Time{}, slog.LevelInfo, make([]byte, 1000)); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		time.Sleep(time.Second)
		if n := segments(); n != 2 {
			t.Fatalf("%d segments have been active before the frame's failed", n)
		}
		j.fault(held.seg, errors.New("cut"))
		select {
		case <-appended:
		case <-time.After(time.Minute):
			t.Error("the others wait for ever")
		}
	})
}

// Segments are cut to a page in their middle again and again while eight
// goroutines append: no append fails, and every record is read, or counted.
func TestCutUnderTheWritersCostsOnlyWhatWasBehindIt(t *testing.T) {
	const writers, each, cuts = 8, 4000, 12
	dir := filepath.Join(t.TempDir(), "journal")
	j := openMapped(t, dir)
	wake := make(chan struct{}, 1)
	c := j.NewCursor(CursorConfig{Key: "sink", Wake: wake})
	j.Ready()
	sealed := make(chan struct{})
	var done sync.WaitGroup
	var turns atomic.Int64
	cut := func() {
		j.mu.Lock()
		s := j.active
		j.mu.Unlock()
		if s.file != nil {
			os.Truncate(s.path(), frame.Page+8<<12)
		}
	}
	for w := range writers {
		done.Go(func() {
			for i := range each {
				payload := binary.LittleEndian.AppendUint64(make([]byte, 0, 300), uint64(w*each+i))
				payload = payload[:8+(w*37+i*11)%290]
				if err := j.Append(time.Time{}, slog.LevelInfo, payload); err != nil {
					t.Error(err)
					return
				}
				if turns.Add(1)%(writers*each/cuts) == 0 {
					cut()
				}
			}
		})
	}
	go func() {
		done.Wait()
		j.Seal()
		close(sealed)
	}()
	seen := map[uint64]int{}
	var b Batch
	for open := true; open; {
		if c.Arm(1, 0) {
			select {
			case <-wake:
			case <-sealed:
				open = false
			}
		}
		for {
			_, more := c.Read(&b, ReadLimits{Records: 100})
			for e := range b.All() {
				seen[binary.LittleEndian.Uint64(e.Data)]++
			}
			if !more && b.Len() == 0 {
				break
			}
		}
	}
	p := c.Position()
	twice := 0
	for _, n := range seen {
		twice += n - 1
	}
	missing := writers*each - len(seen)
	if got := j.Accepted(); got != writers*each {
		t.Errorf("accepted %d", got)
	}
	if p.Unread > 0 || p.Lost > 0 || uint64(missing) > p.Corrupt {
		t.Errorf("%d records are missing; %+v", missing, p)
	}
	// A record caught in a fault may have become readable before its append found
	// out: it comes twice, at most one for each writer and cut.
	if twice > writers*cuts {
		t.Errorf("%d records come twice", twice)
	}
	if sum := uint64(len(seen)+twice) + p.Corrupt; sum != p.Passed {
		t.Errorf("%d read, %d again, %d corrupt; %+v", len(seen), twice, p.Corrupt, p)
	}
}
