package journal

import (
	"bytes"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// These tests stop the parts of an append and of a read between their steps.

func TestPausedWriterStopsOthersBeforeTheyLapIt(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cursors int // that read all the time
	}{
		{"nobody reads", 0},
		{"two cursors read", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const perSegment, total = 10, 200
				payload := make([]byte, 4096/perSegment/8*8-frame.Header)
				j := newJournal(t, 3, 4096)
				var read [2]collector
				for i := range tt.cursors {
					read[i].run(t, j, total+4)
				}

				appendN(t, j, 3, 1)
				held, err := j.reserve(len(payload))
				if err != nil {
					t.Fatal(err)
				}
				appended := make(chan struct{})
				go func() {
					for range total {
						if err := j.Append(time.Time{}, slog.LevelInfo, payload); err != nil {
							t.Error(err)
						}
					}
					close(appended)
				}()
				time.Sleep(time.Second)
				synctest.Wait()

				// The rest of the first segment and all of the second.
				if base := j.active.base; base == 0 || j.End() > 3+2*perSegment {
					t.Fatalf("the others came to record %d", j.End())
				}
				if j.previous != held.seg || j.oldest != held.seg {
					t.Errorf("the segment of the frame at work is not where it was")
				}
				for i := range tt.cursors {
					if n := read[i].count.Load(); n != 3 {
						t.Errorf("cursor %d has read %d records, want the 3 before the paused one", i, n)
					}
				}

				held.fill(frame.PackTime(time.Time{}), slog.LevelWarn, bytes.Repeat([]byte("h"), len(payload)))
				j.publish(held)
				<-appended
				synctest.Wait()
				for i := range tt.cursors {
					got := read[i].wait()
					if len(got) != total+4 {
						t.Fatalf("cursor %d has %d records, want %d", i, len(got), total+4)
					}
					if got[3].Level != slog.LevelWarn || got[3].Data[0] != 'h' {
						t.Errorf("the paused record is %+v", got[3])
					}
				}
			})
		})
	}
}

// collector reads everything in a goroutine and blocks appends.
type collector struct {
	count   atomic.Int64
	entries []Entry
	done    chan struct{}
}

func (r *collector) run(t *testing.T, j *Journal, total int) {
	wake := make(chan struct{}, 1)
	c := j.NewCursor(CursorConfig{Wake: wake, Block: true})
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		for len(r.entries) < total {
			r.entries = append(r.entries, readAll(c)...)
			r.count.Store(int64(len(r.entries)))
			if len(r.entries) < total && c.Arm(1, 0) {
				<-wake
			}
		}
		for i, e := range r.entries {
			if e.Seq != uint64(i) {
				t.Errorf("record %d has sequence %d", i, e.Seq)
				return
			}
		}
	}()
}

func (r *collector) wait() []Entry {
	<-r.done
	return r.entries
}

func TestSealWaitsForAPausedWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		c := j.NewCursor(CursorConfig{})
		held, err := j.reserve(1)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() {
			held.fill(frame.PackTime(time.Time{}), 0, []byte("x"))
			j.publish(held)
		})
		j.Seal()
		if d := time.Since(start); d < time.Second {
			t.Errorf("Seal returned after %v", d)
		}
		if got := readAll(c); len(got) != 1 || string(got[0].Data) != "x" {
			t.Errorf("read %v", got)
		}
	})
}

func TestReaderKeepsTheSegmentThatIsEvictedUnderIt(t *testing.T) {
	for _, tt := range []struct {
		name       string
		afterwards func(j *Journal) // while the reader still copies
	}{
		{"evicted", func(j *Journal) {}},
		{"and the log has turned twice", func(j *Journal) { appendN(t, j, 12, j.MaxPayload()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const segments, size = 3, 4096
				j := newJournal(t, segments, size)
				c := j.NewCursor(CursorConfig{})
				for _, s := range []string{"a", "b", "c"} {
					mustAppend(t, j, s)
				}

				s, ok := c.begin(nil)
				if !ok {
					t.Fatal("nothing to read")
				}
				appendN(t, j, 3, j.MaxPayload())
				tt.afterwards(j)
				if j.oldest.base <= 96 {
					t.Fatal("the first segment was not evicted")
				}
				if p := c.Position(); p.Next != 0 || p.Lost != 0 {
					t.Errorf("in the middle of a read: %+v", p)
				}
				if got := j.Bytes(); got != (segments+1)*size {
					t.Errorf("%d bytes with an evicted segment being read, want %d", got, (segments+1)*size)
				}

				var b Batch
				if stop := s.copy(&b, ReadLimits{}); stop != atEnd {
					t.Errorf("copy stopped for reason %d", stop)
				}
				c.finish(s)
				if b.Len() != 3 || string(b.At(0).Data) != "a" || string(b.At(2).Data) != "c" {
					t.Errorf("read %+v", b.entries)
				}
				oldest := j.oldest.firstSeq
				if p := c.Position(); p.Next != oldest || p.Lost != oldest-3 {
					t.Errorf("afterwards: %+v, oldest %d", p, oldest)
				}
				if got := j.Bytes(); got != segments*size {
					t.Errorf("%d bytes afterwards, want %d", got, segments*size)
				}
			})
		})
	}
}

func TestCursorIsReadOnlyUpToAnUnpublishedFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		wake := make(chan struct{}, 1)
		c := j.NewCursor(CursorConfig{Wake: wake})
		held, err := j.reserve(1)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, j, "b")
		mustAppend(t, j, "c")
		var b Batch
		if _, more := c.Read(&b, ReadLimits{Records: 1}); more || b.Len() > 0 {
			t.Errorf("read %+v, more %t", b.entries, more)
		}
		// Enough is reserved, but the first cannot be read: only its own append
		// can wake.
		if !c.Arm(2, 0) {
			t.Fatal("Arm says that there is something to read")
		}
		synctest.Wait()
		for len(wake) > 0 {
			<-wake
			if !c.Arm(2, 0) {
				t.Fatal("Arm says that there is something to read")
			}
			synctest.Wait()
		}
		held.fill(frame.PackTime(time.Time{}), 0, []byte("a"))
		j.publish(held)
		synctest.Wait()
		if len(wake) != 1 {
			t.Fatal("the append of the first record does not wake")
		}
		if got := readAll(c); len(got) != 3 || string(got[0].Data) != "a" {
			t.Errorf("read %+v", got)
		}
	})
}

func TestAppendWaitsForTheSpareThatIsBeingPrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		c := j.NewCursor(CursorConfig{})
		if !j.reserveSpare() {
			t.Fatal("a journal of one segment has no use for another")
		}
		appended := make(chan struct{})
		go func() {
			appendN(t, j, 2, j.MaxPayload())
			close(appended)
		}()
		synctest.Wait()
		if end := j.End(); end != 1 {
			t.Fatalf("%d records without memory for the second", end)
		}
		seg := newSegment(j.segmentBytes)
		j.addSpare(seg)
		<-appended
		if j.active != seg || j.Bytes() != 2*4096 {
			t.Error("the spare is not what is used")
		}
		if p := c.Position(); p.Lost != 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestMemoryThatIsUsedAgainHasAnotherLap(t *testing.T) {
	j := newJournal(t, 2, 4096)
	laps := map[*segment]uint32{}
	for range 10 {
		appendN(t, j, 1, j.MaxPayload())
		laps[j.active]++
		if _, _, lap := frame.UnpackState(j.active.words[frame.WordState]); lap != laps[j.active] {
			t.Errorf("record %d is in lap %d, want %d", j.End()-1, lap, laps[j.active])
		}
	}
}

func TestBrokenFramePanics(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(frame []uint64)
	}{
		{"lap", func(w []uint64) { w[frame.WordState] += 1 << 32 }},
		{"state", func(w []uint64) { w[frame.WordState] &^= 3 }},
		{"sequence", func(w []uint64) { w[frame.WordSeq]++ }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := newJournal(t, 2, 4096)
			c := j.NewCursor(CursorConfig{})
			mustAppend(t, j, "a")
			word := j.active.words[frame.WordState]
			tt.spoil(j.active.words)
			defer func() {
				if recover() == nil {
					t.Error("it was read")
				}
				j.active.words[frame.WordState] = word // Close looks at it
			}()
			c.Read(new(Batch), ReadLimits{})
		})
	}
}
