package journal

import (
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

func TestAppendWaitsASecondAtMostForADiskThatHangs(t *testing.T) {
	for _, op := range []disktest.Op{disktest.Create, disktest.Allocate, disktest.Map} {
		t.Run(op.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t, nil)
				h.append(1)
				resume := make(chan struct{})
				end := h.fs.Before(op, "*.segment", func(disktest.Op, string) { <-resume })
				longest := time.Duration(0)
				for range 8 * perSegment {
					start := time.Now()
					appendNumbered(t, h.j, h.n)
					h.n++
					longest = max(longest, time.Since(start))
					synctest.Wait()
				}
				if longest != diskPatience {
					t.Errorf("the longest append took %v, want %v", longest, diskPatience)
				}
				if got := h.j.Health(); got.OnDisk || got.Err == "" {
					t.Errorf("%+v", got)
				}
				time.Sleep(time.Hour)
				end()
				close(resume)
				h.recovers()
				h.killed(0)
				h.settle(0)
			})
		})
	}
}

func TestMemoryIsBoundedWhileTheDiskFails(t *testing.T) {
	for _, tt := range []struct {
		name           string
		limit, segment int64
		most           int64 // in memory
	}{
		{"by the size limit", 1 << 20, 64 << 10, 1 << 20},
		{"by 64 MiB", 1 << 30, 4 << 20, 64 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := disktest.New(disk.OS())
				dir := filepath.Join(t.TempDir(), "journal")
				j, err := openOn(fs, Config{Dir: dir, MaxBytes: tt.limit, SegmentBytes: tt.segment})
				if err != nil {
					t.Fatal(err)
				}
				defer j.Close()
				c := j.NewCursor(CursorConfig{Key: "sink"})
				j.Ready()
				synctest.Wait()
				failure := fs.Fail(disktest.Every, "*.segment", syscall.EIO)
				n := 2 * int(tt.most/tt.segment)
				for range n {
					appendN(t, j, 1, j.MaxPayload())
					synctest.Wait()
					memory := int64(0)
					j.mu.Lock()
					for s := j.oldest; s != nil; s = s.next {
						if s.file == nil {
							memory += j.segmentBytes
						}
					}
					j.mu.Unlock()
					if memory > tt.most {
						t.Fatalf("%d bytes in memory", memory)
					}
				}
				if p := c.Position(); p.Passed+p.Unread != uint64(n) {
					t.Errorf("%+v of %d", p, n)
				}
				failure.Clear()
				for range 5 {
					time.Sleep(time.Second)
					synctest.Wait()
				}
				if h := j.Health(); !h.OnDisk {
					t.Errorf("%+v", h)
				}
				read := len(readAll(c))
				if p := c.Position(); p.Lost == 0 || p.Lost+uint64(read) != uint64(n) || read < n/2-2 {
					t.Errorf("%d read; %+v of %d", read, p, n)
				}
				for range 3 * tt.most / tt.segment {
					c.Ack(c.Position().End, Tally{})
					appendN(t, j, 1, j.MaxPayload())
					synctest.Wait()
				}
				if got := segmentBytes(t, dir); got > tt.limit {
					t.Errorf("%d bytes on disk of %d after the fault", got, tt.limit)
				}
			})
		})
	}
}

// What a cursor is copying stays what it was, whatever becomes of its segment.
func TestSegmentThatIsReadIsNotWrittenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openDir(t, filepath.Join(t.TempDir(), "journal"), 4)
		c := j.NewCursor(CursorConfig{Key: "sink"})
		j.Ready()
		numberedRecords(t, j, 0, perSegment+1)
		s, ok := c.begin(nil)
		if !ok {
			t.Fatal("nothing to read")
		}
		numberedRecords(t, j, perSegment+1, 20*perSegment) // five times around
		var b Batch
		c.copy(s, &b, ReadLimits{})
		c.finish(s)
		if b.Len() != perSegment {
			t.Errorf("%d records", b.Len())
		}
		for i := range b.Len() {
			if string(b.At(i).Data) != string(numbered(i)) {
				t.Errorf("record %d is %q", i, b.At(i).Data)
			}
		}
		numberedRecords(t, j, 20*perSegment, 30*perSegment)
		if p := c.Position(); p.Lost == 0 || p.Lost+p.Unread+perSegment != 30*perSegment {
			t.Errorf("%+v", p)
		}
	})
}

func TestReadersAndEvictionDoNotMeet(t *testing.T) {
	const n = 20_000
	j := openDir(t, filepath.Join(t.TempDir(), "journal"), 8)
	var cursors []*Cursor
	for _, key := range []string{"acks", "reads"} {
		cursors = append(cursors, j.NewCursor(CursorConfig{Key: key}))
	}
	j.Ready()
	appended := make(chan struct{})
	var readers sync.WaitGroup
	for i, c := range cursors {
		readers.Go(func() {
			var b Batch
			read := uint64(0)
			for open := true; open; {
				select {
				case <-appended:
					open = false
				default:
				}
				for more := true; more; {
					_, more = c.Read(&b, ReadLimits{Records: 20})
					for e := range b.All() {
						if string(e.Data) != string(numbered(int(e.Seq))) {
							t.Errorf("record %d is %q", e.Seq, e.Data)
						}
					}
					read += uint64(b.Len())
					if i == 0 {
						c.Ack(c.Position().Next, Tally{Delivered: uint64(b.Len())})
					}
				}
				runtime.Gosched()
			}
			if p := c.Position(); read+p.Lost != n || p.Corrupt > 0 {
				t.Errorf("%d read; %+v", read, p)
			}
		})
	}
	for i := range n {
		appendNumbered(t, j, i)
	}
	close(appended)
	readers.Wait()
}

func TestTwoJournalsOfOneProcessShareADirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "journal")
		a := openNext(t, dir, 64)
		b := openNext(t, dir, 64)
		if a.ID() == b.ID() {
			t.Fatal("one life for both")
		}
		ca, cb := a.NewCursor(CursorConfig{Key: "sink"}), b.NewCursor(CursorConfig{Key: "sink"})
		a.Ready()
		b.Ready()
		for n := range 100 {
			appendNumbered(t, a, n)
			appendNumbered(t, b, 100+n)
		}
		expectUnread(t, ca, 0, 100)
		expectUnread(t, cb, 100, 100)
		ca.Ack(50, Tally{Delivered: 50})
		a.Close()
		numberedRecords(t, b, 200, 210) // it has what it found when it was opened
		expectUnread(t, cb, 200, 10)
		third := openNext(t, dir, 64)
		c := third.NewCursor(CursorConfig{Key: "sink"})
		third.Ready()
		if s := c.Settled(); s != (Tally{Delivered: 50}) {
			t.Errorf("%+v", s)
		}
		expectUnread(t, c, 50, 50)
		b.Close()
		third.Close()
		last := openNext(t, dir, 64)
		c = last.NewCursor(CursorConfig{Key: "sink"})
		expectUnread(t, c, 50, 160)
	})
}
