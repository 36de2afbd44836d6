package journal

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// appended is a record as a test gave it to a journal.
type appended struct {
	time    time.Time
	level   slog.Level
	payload []byte
}

// FuzzReadReturnsWhatWasAppended appends and reads as script says: two bytes for each
// record, or for the limits of a Read. However frames lie, a batch has the next records
// within the limits.
func FuzzReadReturnsWhatWasAppended(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 0, 4, 1, 6, 200, 1, 0, 8, 7, 3, 9})
	f.Add(bytes.Repeat([]byte{2, 100, 44, 33, 6, 0}, 100))    // several segments
	mixed := bytes.Repeat([]byte{32, 50, 36, 50, 40, 50}, 50) // Debug, Info and Warn in turn
	f.Add(append(mixed, 0x59, 0, 0x29, 6, 0x09, 0, 1, 0))     // five, then so many bytes, then all from Warn
	f.Add(append(mixed, 0x55, 0, 0x25, 6, 0x05, 20, 0x05, 0)) // the same from Info
	f.Fuzz(func(t *testing.T, script []byte) {
		j, err := Open(Config{MaxBytes: 4 << 20, SegmentBytes: 4 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		c := j.NewCursor(CursorConfig{})
		var (
			b    Batch
			all  []appended
			next int
		)
		script = script[:min(len(script), 4000)]
		for ; len(script) > 1; script = script[2:] {
			kind, size := script[0], script[1]
			level := slog.Level(4 * (int(kind>>2&3) - 1))
			if kind&1 == 0 {
				r := appended{time.Unix(int64(kind), int64(size)), level, bytes.Repeat([]byte{'a' + kind%26}, int(size)*int(kind>>4))}
				if kind == 0 {
					r.time = time.Time{}
				}
				if err := j.Append(r.time, r.level, r.payload); err != nil {
					t.Fatal(err)
				}
				all = append(all, r)
				continue
			}
			l := ReadLimits{Records: int(kind >> 4), Bytes: 40 * int(size), MinLevel: level}
			next = readAsAppended(t, c, &b, l, all, next)
		}
		for next < len(all) {
			next = readAsAppended(t, c, &b, ReadLimits{MinLevel: slog.LevelDebug}, all, next)
		}
	})
}

// readAsAppended reads once and compares with all from next on. It returns the index of
// what comes next.
func readAsAppended(t *testing.T, c *Cursor, b *Batch, l ReadLimits, all []appended, next int) int {
	t.Helper()
	var want []int
	filtered, size, more := 0, 0, false
	for ; next < len(all); next++ {
		r := all[next]
		if r.level < l.MinLevel {
			filtered++
			continue
		}
		if len(want) > 0 && (l.Records > 0 && len(want) >= l.Records || l.Bytes > 0 && size+len(r.payload) > l.Bytes) {
			more = true
			break
		}
		want = append(want, next)
		size += len(r.payload)
	}
	gotFiltered, gotMore := c.Read(b, l)
	if gotFiltered != filtered || gotMore != more || b.Len() != len(want) {
		t.Fatalf("%+v: %d records, %d filtered, more %t; want %d, %d, %t", l, b.Len(), gotFiltered, gotMore, len(want), filtered, more)
	}
	for i, n := range want {
		if err := differs(b, i, uint64(n), all[n]); err != nil {
			t.Fatalf("%+v: record %d: %v", l, i, err)
		}
	}
	if at := c.Position().Next; at != uint64(next) {
		t.Fatalf("%+v: at %d, want %d", l, at, next)
	}
	return next
}

// differs says what of b's record i is not as it was appended, or not the same each way.
func differs(b *Batch, i int, seq uint64, r appended) error {
	e := b.At(i)
	switch {
	case e.Journal != b.Journal(), e.Seq != b.Seq(i), e.Time != b.Time(i), e.Level != b.Level(i), !bytes.Equal(e.Data, b.Data(i)):
		return fmt.Errorf("At says %+v, the fields are %d, %v, %v, %q", e, b.Seq(i), b.Time(i), b.Level(i), b.Data(i))
	case e.Seq != seq, !e.Time.Equal(r.time), e.Level != r.level, !bytes.Equal(e.Data, r.payload):
		return fmt.Errorf("%+v is not what was appended, %d: %+v", e, seq, r)
	case cap(e.Data) != len(e.Data):
		return fmt.Errorf("an append to its %d bytes would overwrite what is behind them", len(e.Data))
	}
	return nil
}

// The first Read makes room once, for as many records like the first as the batch may
// hold, and later ones do not make any.
func TestABatchMakesRoomOnce(t *testing.T) {
	j, err := Open(Config{MaxBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for i := range 3000 {
		level := slog.LevelInfo
		if i%100 == 5 {
			level = slog.LevelDebug // those around it are not copied in one go
		}
		if err := j.Append(time.Now(), level, make([]byte, 200+i%20)); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []ReadLimits{{Records: 1000, Bytes: 1 << 20}, {Records: 1000, Bytes: 100_000}, {Records: 10, Bytes: 1 << 20}} {
		const runs = 10
		batches, cursors := make([]Batch, runs+1), make([]*Cursor, runs+1)
		for i := range cursors {
			cursors[i] = j.NewCursor(CursorConfig{})
		}
		next := 0
		read := func() { cursors[next].Read(&batches[next], l); next++ }
		if n := testing.AllocsPerRun(runs, read); n != 2 {
			t.Errorf("%+v: %v allocations in a first Read, want 2, of the records and their bytes", l, n)
		}
		for i, c := range cursors {
			b := &batches[i]
			bytes, records := cap(b.buf), cap(b.entries)
			if most := min(l.Records*300, l.Bytes*5/4); bytes > most {
				t.Errorf("%+v: %d bytes of memory, at most %d are of use", l, bytes, most)
			}
			for more := true; more; {
				_, more = c.Read(b, l)
			}
			if cap(b.buf) != bytes || cap(b.entries) != records {
				t.Errorf("%+v: grown from %d bytes and %d records to %d and %d", l, bytes, records, cap(b.buf), cap(b.entries))
			}
			c.detach()
		}
	}
}

func TestLimitsMayBeAsLargeAsNumbersAre(t *testing.T) {
	for _, length := range []int{0, 1, 100} {
		for _, l := range []ReadLimits{{math.MaxInt, math.MaxInt, 0}, {1000, math.MaxInt, 0}, {math.MaxInt, 1 << 20, 0}, {math.MaxInt, 0, 0}} {
			j, err := Open(Config{MaxBytes: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			for range 1000 {
				if err := j.Append(time.Time{}, slog.LevelInfo, make([]byte, length)); err != nil {
					t.Fatal(err)
				}
			}
			var b Batch
			c := j.NewCursor(CursorConfig{})
			if c.Read(&b, l); b.Len() != 1000 || cap(b.buf) > 1<<20 {
				t.Errorf("%+v, records of %d bytes: %d records in %d bytes of memory", l, length, b.Len(), cap(b.buf))
			}
			j.Close()
		}
	}
}

// A broken frame is read again from the file, where there is one, and counted then.
func TestABrokenFrameIsNotCountedBeforeItIsKnown(t *testing.T) {
	j, err := Open(Config{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for range 2 {
		if err := j.Append(time.Time{}, slog.LevelDebug, nil); err != nil {
			t.Fatal(err)
		}
	}
	j.active.words[frame.HeaderWords+frame.WordSeq] ^= 1
	c := j.NewCursor(CursorConfig{})
	s, ok := c.begin(nil)
	if !ok {
		t.Fatal("there is nothing to read")
	}
	func() {
		defer func() {
			if _, broken := recover().(brokenFrame); !broken {
				t.Error("the broken frame was read")
			}
		}()
		s.copy(new(Batch), ReadLimits{})
	}()
	if s.filtered != 1 || s.seq != 1 {
		t.Errorf("%d records filtered, %d passed; want the one before the broken frame", s.filtered, s.seq)
	}
	c.finish(s)
}
