package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// generation takes dir through one life: it settles all that earlier ones have
// left and half of its own n records, and ends in order or, with kill, not.
func generation(t *testing.T, dir string, n int, kill bool) string {
	t.Helper()
	j := openNext(t, dir, 64)
	for _, key := range []string{"one", "two"} {
		settler{c: j.NewCursor(CursorConfig{Key: key})}.any(t)
	}
	j.Ready()
	numberedRecords(t, j, 0, n)
	for _, c := range j.keyed {
		var b Batch
		c.Read(&b, ReadLimits{Records: n / 2})
		c.Ack(c.Position().Next, Tally{Delivered: uint64(b.Len()), Attempts: 1})
	}
	synctest.Wait()
	if kill {
		dir = image(t, dir)
	}
	j.Close()
	return dir
}

// any settles what there is to read, whatever it is.
func (s settler) any(t *testing.T) {
	t.Helper()
	settleAll(s.c, 10, func(Entry) {})
}

// settledAll opens a life in dir, settles everything and returns the counts under
// the key, those of this life among them.
func settledAll(t *testing.T, dir, key string) Tally {
	t.Helper()
	j := openNext(t, dir, 64)
	defer j.Close()
	var sum Tally
	for _, k := range []string{"one", "two"} {
		c := j.NewCursor(CursorConfig{Key: k})
		tally := c.Settled()
		settleAll(c, 10, func(Entry) { tally.Delivered++ })
		if p := c.Position(); p.Lost+p.Corrupt > 0 {
			t.Errorf("%+v", p)
		}
		if k == key {
			sum = tally
		}
	}
	j.Ready()
	return sum
}

func TestTalliesOfThreeGenerationsAddUp(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprint("killed ", kill), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "journal")
				total := uint64(0)
				for _, n := range []int{100, 60, 20, 40} {
					dir = generation(t, dir, n, kill)
					total += uint64(n)
					for _, key := range []string{"one", "two"} {
						if s := settledAll(t, image(t, dir), key); s.Delivered != total || s.Appended() != total {
							t.Errorf("%s: %+v of %d", key, s, total)
						}
					}
				}
				if s := settledAll(t, dir, "one"); s.Attempts != 4 {
					t.Errorf("%+v", s)
				}
				if entries, _ := os.ReadDir(dir); len(entries) != 1 {
					t.Errorf("%d directories are left", len(entries))
				}
			})
		})
	}
}

// Whatever step of it a kill comes before, every record is settled under each key
// once, and what was settled once is.
func TestKillWhileALifeIsFoldedCountsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 100, "one", "two")
		dir = generation(t, dir, 60, false)
		const total = 160

		faulty := disktest.New(disk.OS())
		var images, steps []string
		record := func(op disktest.Op, path string) {
			images = append(images, image(t, dir))
			steps = append(steps, fmt.Sprint(op, " ", filepath.Base(path)))
		}
		time.Sleep(time.Nanosecond)
		j, err := openOn(faulty, Config{Dir: dir, MaxBytes: 64 << 12, SegmentBytes: 4 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		one, two := j.NewCursor(CursorConfig{Key: "one"}), j.NewCursor(CursorConfig{Key: "two"})
		end := faulty.Before(disktest.WriteFile|disktest.Remove|disktest.Rename|disktest.Mkdir|disktest.Create, "*", record)
		j.Ready()
		settleAll(one, 10, func(Entry) {})
		settleAll(two, 10, func(Entry) {})
		synctest.Wait()
		end()
		record(0, "everything")
		if h := j.Health(); h.Lives != 0 || len(steps) < 8 {
			t.Fatalf("%+v after %q", h, steps)
		}
		for i, dir := range images {
			for again := range 2 { // what the next life does to it as well
				for _, key := range []string{"one", "two"} {
					if s := settledAll(t, image(t, dir), key); s.Appended() != total {
						t.Errorf("killed before %s, life %d after: %s has %+v of %d", steps[i], again+1, key, s, total)
					}
				}
				settledAll(t, dir, "")
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("killed before %s: %d directories are left", steps[i], len(entries))
			}
		}
	})
}

// Killed in between, what was lost at the end of the earlier life is found to be lost
// again, rather than not accounted for.
func TestLaterLifeIsStoredBeforeTheEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 10, "sink")
		leave(t, dir, 10, 20, "sink")
		fs := disktest.New(disk.OS())
		j := openFaulty(t, fs, dir)
		defer j.Close()
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		var stored []string
		end := fs.Before(disktest.WriteAt, "sink.cursor", func(_ disktest.Op, path string) { stored = append(stored, filepath.Dir(path)) })
		var b Batch
		c.Read(&b, ReadLimits{Records: 10})
		c.Read(&b, ReadLimits{Records: 5})
		if err := c.Ack(c.Position().Next, Tally{Delivered: 15}); err != nil {
			t.Error(err)
		}
		end()
		if want := []string{j.eras[1].dead.Dir, j.eras[0].dead.Dir}; !slices.Equal(stored, want) {
			t.Errorf("stored in %v, want %v", stored, want)
		}
	})
}

func TestRoomOfADrainedLifeIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		leave(t, dir, 0, 3*perSegment, "sink")
		j := openNext(t, dir, 64)
		defer j.Close()
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		bytes := func() int64 {
			j.mu.Lock()
			defer j.mu.Unlock()
			return j.bytesOf(0)
		}
		if bytes() == 0 {
			t.Error("the earlier life takes nothing")
		}
		checkAll(t, c, 0, 3*perSegment)
		synctest.Wait()
		if n := bytes(); n != 0 {
			t.Errorf("%d bytes are taken by a life that is gone", n)
		}
	})
}
