package journal

import (
	"bytes"
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
)

// damagedLife makes a life of five segments and has damage change the file of
// the third.
func damagedLife(t *testing.T, damage func(path string, data []byte) []byte) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "journal")
	j := openNext(t, dir, 64)
	a, b := j.NewCursor(CursorConfig{Key: "a"}), j.NewCursor(CursorConfig{Key: "b"})
	j.Ready()
	numberedRecords(t, j, 0, 5*perSegment)
	a.Ack(0, Tally{})
	b.Ack(0, Tally{})
	path := filepath.Join(dir, filepath.Base(j.ownLife().Dir), "00000002.segment")
	j.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if data = damage(path, data); data == nil {
		return dir
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// frameOf returns where the frame of the record i of a segment lies in its file.
func frameOf(i int) int { return frame.Page + i*(4<<10/perSegment/8*8) }

func TestDamageIsCountedOnceForEachSinkAndSetAside(t *testing.T) {
	const third = 2 * perSegment
	at := func(i, off int) func(string, []byte) []byte {
		return func(_ string, data []byte) []byte {
			data[frameOf(i)+off] ^= 0x40
			return data
		}
	}
	for _, tt := range []struct {
		name     string
		damage   func(path string, data []byte) []byte
		from, to int // the records of the third segment that are lost
		aside    bool
	}{
		{"a payload", at(5, frame.Header+30), 5, 6, true},
		{"a length", at(5, 0), 5, 6, true},
		{"a lap", at(5, 4), 5, 6, true},
		{"a check", at(5, 8), 5, 6, true},
		{"a level", at(5, 12), 5, 6, true},
		{"a sequence", at(5, 16), 5, 6, true},
		{"a time", at(5, 24), 5, 6, true},
		{"the first frame", at(0, 40), 0, 1, true},
		{"the last frame", at(perSegment-1, 40), perSegment - 1, perSegment, true},
		{"one copy of the header", func(_ string, data []byte) []byte { data[20]++; return data }, 0, 0, false},
		{"the other copy", func(_ string, data []byte) []byte { data[532]++; return data }, 0, 0, false},
		{"the header", func(_ string, data []byte) []byte { clear(data[:frame.Page]); return data }, 0, 0, false},
		{"three frames", func(_ string, data []byte) []byte {
			clear(data[frameOf(7):frameOf(10)])
			return data
		}, 7, 10, true},
		{"it is cut", func(_ string, data []byte) []byte { return data[:frameOf(20)+8] }, 20, perSegment, true},
		{"all of it", func(_ string, data []byte) []byte { clear(data[frame.Page:]); return data }, 0, perSegment, true},
		{"it is gone", func(path string, _ []byte) []byte { os.Remove(path); return nil }, 0, perSegment, false},
		{"another's frame", func(_ string, data []byte) []byte {
			copy(data[frameOf(3):frameOf(4)], data[frameOf(9):frameOf(10)])
			return data
		}, 3, 4, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := damagedLife(t, tt.damage)
				j := openNext(t, dir, 64)
				defer j.Close()
				lost := uint64(tt.to - tt.from)
				for _, key := range []string{"a", "b"} {
					c := j.NewCursor(CursorConfig{Key: key})
					var got []string
					settleAll(c, 7, func(e Entry) { got = append(got, string(e.Data)) })
					var want []string
					for n := range 5 * perSegment {
						if n < third+tt.from || n >= third+tt.to {
							want = append(want, string(numbered(n)))
						}
					}
					if strings.Join(got, "\n") != strings.Join(want, "\n") {
						t.Errorf("%s: %d records, want %d", key, len(got), len(want))
					}
					if p := c.Position(); p.Corrupt+p.Lost != lost || p.Passed != 5*perSegment || p.Unread > 0 {
						t.Errorf("%s: %+v, want %d corrupt", key, p, lost)
					}
				}
				checkAside(t, dir, tt.aside)
			})
		})
	}
}

// checkAside checks that there is one file of bytes that were set aside, or none.
func checkAside(t *testing.T, dir string, want bool) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "damaged", "*"))
	if (len(files) == 1) != want || len(files) > 1 {
		t.Errorf("set aside: %q", files)
	}
}

func TestBytesThatAreSetAsideAreThoseOfTheDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var damaged []byte
		dir := damagedLife(t, func(_ string, data []byte) []byte {
			data[frameOf(5)+frame.Header+30] = 'X'
			damaged = bytes.Clone(data[frameOf(5):frameOf(6)])
			return data
		})
		j := openNext(t, dir, 64)
		defer j.Close()
		settleAll(j.NewCursor(CursorConfig{Key: "a"}), 7, func(Entry) {})
		files, _ := filepath.Glob(filepath.Join(dir, "damaged", "*"))
		if len(files) != 1 {
			t.Fatalf("set aside: %q", files)
		}
		got, err := os.ReadFile(files[0])
		if err != nil || !bytes.Equal(got, damaged) {
			t.Errorf("%q, want %q; %v", got, damaged, err)
		}
		if info, _ := os.Stat(files[0]); info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v", info.Mode())
		}
		if h := j.Health(); !h.OnDisk || !strings.Contains(strings.Join(h.Problems, ";"), files[0]) {
			t.Errorf("%+v does not say where", h)
		}
	})
}

// A backlog whose files cannot be opened for lack of descriptors is not damaged.
func TestBacklogWaitsForDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 5*perSegment, "sink")
		faulty := disktest.New(disk.OS())
		time.Sleep(time.Nanosecond)
		j, err := openOn(faulty, Config{Dir: dir, MaxBytes: 64 << 12, SegmentBytes: 4 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Key: "sink", Wake: wake})
		j.Ready()
		var b Batch
		c.Read(&b, ReadLimits{Records: perSegment / 2})
		failure := faulty.Fail(disktest.OpenRead, "*.segment", syscall.EMFILE)
		c.Read(&b, ReadLimits{}) // the rest of the segment whose file is open
		next := int(c.Position().Next)
		c.Read(&b, ReadLimits{})
		for range 5 { // a second each
			if b.Len() > 0 {
				t.Errorf("%d records are read from a file that cannot be opened", b.Len())
			}
			if !c.Arm(1, 0) {
				t.Fatal("Arm says that there is something to read")
			}
			start := time.Now()
			<-wake
			if d := time.Since(start); d > lookEvery || d == 0 {
				t.Errorf("woken after %v", d)
			}
			c.Read(&b, ReadLimits{})
		}
		if h := j.Health(); !h.OnDisk || !strings.Contains(strings.Join(h.Problems, ";"), "too many open files") {
			t.Errorf("%+v", h)
		}
		failure.Clear()
		if c.Arm(1, 0) {
			<-wake
		}
		checkAll(t, c, next, 5*perSegment)
	})
}
