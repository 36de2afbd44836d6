package journal

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const everyLevel = slog.Level(math.MinInt)

// newJournal returns a journal of so many segments that is closed with the test.
func newJournal(t testing.TB, segments, segmentBytes int) *Journal {
	t.Helper()
	j := openMemory(Config{MaxBytes: int64(segments * segmentBytes), SegmentBytes: int64(segmentBytes)})
	t.Cleanup(j.Close)
	return j
}

func mustAppend(t testing.TB, j *Journal, payload string) {
	t.Helper()
	if err := j.Append(time.Time{}, slog.LevelInfo, []byte(payload)); err != nil {
		t.Fatal(err)
	}
}

// appendN appends n records of size bytes.
func appendN(t testing.TB, j *Journal, n, size int) {
	t.Helper()
	payload := strings.Repeat("x", size)
	for range n {
		mustAppend(t, j, payload)
	}
}

// readAll reads what is published, at every level.
func readAll(c *Cursor) []Entry {
	var all []Entry
	for {
		var b Batch
		_, more := c.Read(&b, ReadLimits{Records: 100, MinLevel: everyLevel})
		all = slices.AppendSeq(all, b.All())
		if !more && b.Len() == 0 {
			return all
		}
	}
}

func TestConfigNamesEveryMistake(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want []string // parts of the error; none: valid
	}{
		{"zero value", Config{}, nil},
		{"smallest", Config{MaxBytes: 8 << 10}, nil},
		{"two segments exactly", Config{MaxBytes: 1 << 20, SegmentBytes: 512 << 10}, nil},
		{"default size with large segments", Config{SegmentBytes: 32 << 20}, nil},
		{"negative size", Config{MaxBytes: -1}, []string{"MaxBytes is -1"}},
		{"too small", Config{MaxBytes: 8<<10 - 1}, []string{"at least 8192"}},
		{"negative segment", Config{SegmentBytes: -1}, []string{"SegmentBytes is -1"}},
		{"segment too small", Config{SegmentBytes: 4<<10 - 1}, []string{"at least 4096"}},
		{"segment too large", Config{MaxBytes: 1 << 40, SegmentBytes: 1<<30 + 1}, []string{"at most 1073741824"}},
		{"one segment only", Config{MaxBytes: 1 << 20, SegmentBytes: 512<<10 + 1}, []string{"two segments of 524289"}},
		{"segment over the default size", Config{SegmentBytes: 33 << 20}, []string{"two segments"}},
		{"both negative", Config{MaxBytes: -1, SegmentBytes: -2}, []string{"MaxBytes", "SegmentBytes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("Validate: %v", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if err != nil {
				for line := range strings.Lines(err.Error()) {
					if !strings.HasPrefix(line, "journal: ") {
						t.Errorf("no prefix: %q", line)
					}
				}
			}
			j, openErr := Open(tt.cfg)
			if (openErr != nil) != (err != nil) {
				t.Errorf("Open: %v, Validate: %v", openErr, err)
			}
			if j != nil {
				j.Close()
			}
		})
	}
}

func TestDefaultSegmentIsASixteenthWithinBounds(t *testing.T) {
	for _, tt := range []struct{ max, want int64 }{
		{0, 4 << 20},
		{64 << 20, 4 << 20},
		{1 << 30, 4 << 20},
		{32 << 20, 2 << 20},
		{1 << 20, 256 << 10},
		{256 << 10, 128 << 10},
		{8 << 10, 4 << 10},
	} {
		if got := (Config{MaxBytes: tt.max}).WithDefaults().SegmentBytes; got != tt.want {
			t.Errorf("MaxBytes %d: SegmentBytes is %d, want %d", tt.max, got, tt.want)
		}
	}
}

func TestRecordsComeBackAsAppended(t *testing.T) {
	j := newJournal(t, 2, 4096)
	now := time.Now()
	var want []Entry
	for _, e := range []Entry{
		{Time: now, Level: slog.LevelInfo, Data: []byte("hello")},
		{Time: time.Time{}, Level: slog.LevelDebug, Data: nil},
		{Time: time.Unix(0, 0), Level: -1 << 31, Data: []byte("12345678")},
		{Time: time.Unix(-1, 5), Level: 1<<31 - 1, Data: []byte("123456789")},
	} {
		e.Seq = uint64(len(want))
		if err := j.Append(e.Time, e.Level, e.Data); err != nil {
			t.Fatal(err)
		}
		want = append(want, e)
	}
	got := readAll(j.NewCursor(CursorConfig{}))
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Seq != w.Seq || !g.Time.Equal(w.Time) || g.Time.IsZero() != w.Time.IsZero() || g.Level != w.Level || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("record %d is %+v, want %+v", i, g, w)
		}
	}
	if j.End() != 4 {
		t.Errorf("End is %d, want 4", j.End())
	}
}

func TestLongestPayloadFitsAndOneByteMoreDoesNot(t *testing.T) {
	j := newJournal(t, 2, 4096)
	c := j.NewCursor(CursorConfig{})
	long := bytes.Repeat([]byte("x"), j.MaxPayload()+1)
	if err := j.Append(time.Time{}, 0, long); !errors.Is(err, ErrTooLarge) {
		t.Errorf("MaxPayload+1: %v", err)
	}
	if j.End() != 0 {
		t.Errorf("a refused record has taken a sequence")
	}
	for i := range 5 {
		if err := j.Append(time.Time{}, 0, long[1:]); err != nil {
			t.Fatal(err)
		}
		if got := readAll(c); len(got) != 1 || got[0].Seq != uint64(i) || !bytes.Equal(got[0].Data, long[1:]) {
			t.Fatalf("read %d records", len(got))
		}
	}
}

func TestReadKeepsItsLimits(t *testing.T) {
	j := newJournal(t, 2, 4096)
	for i := range 10 {
		level := slog.LevelInfo
		if i%2 == 1 {
			level = slog.LevelDebug
		}
		j.Append(time.Time{}, level, []byte("0123456789"))
	}
	for _, tt := range []struct {
		name     string
		limits   ReadLimits
		seqs     []uint64
		filtered int
		more     bool
	}{
		{"no limit", ReadLimits{MinLevel: everyLevel}, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, false},
		{"records", ReadLimits{Records: 3, MinLevel: everyLevel}, []uint64{0, 1, 2}, 0, true},
		{"records exactly", ReadLimits{Records: 10, MinLevel: everyLevel}, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0, false},
		{"bytes", ReadLimits{Bytes: 29, MinLevel: everyLevel}, []uint64{0, 1}, 0, true},
		{"bytes exactly", ReadLimits{Bytes: 30, MinLevel: everyLevel}, []uint64{0, 1, 2}, 0, true},
		{"one record is always read", ReadLimits{Bytes: 1, MinLevel: everyLevel}, []uint64{0}, 0, true},
		{"level", ReadLimits{}, []uint64{0, 2, 4, 6, 8}, 5, false},
		{"level and records", ReadLimits{Records: 2}, []uint64{0, 2}, 2, true},
		{"records at the level's end", ReadLimits{Records: 5}, []uint64{0, 2, 4, 6, 8}, 5, false},
		{"nothing wanted", ReadLimits{Records: 1, MinLevel: slog.LevelError}, nil, 10, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := j.NewCursor(CursorConfig{})
			var b Batch
			filtered, more := c.Read(&b, tt.limits)
			var seqs []uint64
			for e := range b.All() {
				seqs = append(seqs, e.Seq)
				if string(e.Data) != "0123456789" || cap(e.Data) != 10 {
					t.Errorf("record %d: %q, capacity %d", e.Seq, e.Data, cap(e.Data))
				}
			}
			if !equal(seqs, tt.seqs) || filtered != tt.filtered || more != tt.more {
				t.Errorf("read %d, filtered %d, more %t", seqs, filtered, more)
			}
			if p := c.Position(); p.Next != uint64(len(seqs)+filtered) || p.End != 10 || p.Lost != 0 {
				t.Errorf("position %+v", p)
			}
		})
	}
}

func equal(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestNewCursorStartsAtTheOldestRetainedRecord(t *testing.T) {
	j := newJournal(t, 2, 4096)
	appendN(t, j, 10, j.MaxPayload()) // each fills a segment
	c := j.NewCursor(CursorConfig{})
	if p := c.Position(); p != (Position{Next: 8, End: 10, Unread: 2, UnreadBytes: 2 * 4096}) {
		t.Errorf("%+v", p)
	}
	if got := readAll(c); len(got) != 2 || got[0].Seq != 8 {
		t.Errorf("read %d records", len(got))
	}
}

func TestMemoryStaysWithinTheLimit(t *testing.T) {
	const segments, size = 5, 4096
	for _, tt := range []struct {
		name string
		read bool
		most int64
	}{
		{"nobody reads", false, segments * size},
		{"everything is read at once", true, 3 * size}, // active, the one before it, a spare
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := newJournal(t, segments, size)
				c := j.NewCursor(CursorConfig{})
				for range 1000 {
					appendN(t, j, 1, 200)
					synctest.Wait() // for the keeper
					if tt.read {
						readAll(c)
					}
					if b := j.Bytes(); b > tt.most {
						t.Fatalf("%d bytes at record %d, want at most %d", b, j.End(), tt.most)
					}
				}
			})
		})
	}
}

func TestIDsDiffer(t *testing.T) {
	a, b := newJournal(t, 2, 4096), newJournal(t, 2, 4096)
	if a.ID() == b.ID() || a.ID() == [16]byte{} {
		t.Errorf("%x, %x", a.ID(), b.ID())
	}
}

func TestClosedJournalRefusesAppendsAndCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		j := openMemory(Config{MaxBytes: 8192, SegmentBytes: 4096})
		c := j.NewCursor(CursorConfig{})
		mustAppend(t, j, "a")
		for range 2 {
			j.Seal()
			if err := j.Append(time.Time{}, 0, nil); !errors.Is(err, ErrClosed) {
				t.Errorf("after Seal: %v", err)
			}
		}
		for range 2 {
			j.Close()
			if err := j.Append(time.Time{}, 0, nil); !errors.Is(err, ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		if got := readAll(c); len(got) != 1 || string(got[0].Data) != "a" {
			t.Errorf("read %v", got)
		}
		if j.End() != 1 {
			t.Errorf("End is %d", j.End())
		}
		if got := readAll(j.NewCursor(CursorConfig{})); len(got) != 1 {
			t.Errorf("a new cursor read %v", got)
		}
	})
}

func TestAppendDoesNotAllocate(t *testing.T) {
	j := newJournal(t, 2, 8<<20)
	payload := make([]byte, 200)
	now := time.Now()
	if n := testing.AllocsPerRun(10_000, func() { j.Append(now, slog.LevelInfo, payload) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReadDoesNotAllocateWithAUsedBatch(t *testing.T) {
	j := newJournal(t, 2, 8<<20)
	c := j.NewCursor(CursorConfig{})
	payload := make([]byte, 200)
	var b Batch
	round := func() {
		for range 10 {
			j.Append(time.Time{}, slog.LevelInfo, payload)
		}
		c.Read(&b, ReadLimits{Records: 100})
		if b.Len() != 10 {
			t.Fatalf("read %d", b.Len())
		}
		c.Arm(1, 1<<20)
	}
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
