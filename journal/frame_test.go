package journal

import (
	"log/slog"
	"math"
	"testing"
	"time"
)

func TestTimesOutsideNanosecondsBecomeTheNearest(t *testing.T) {
	first, last := time.Unix(0, math.MinInt64+1), time.Unix(0, math.MaxInt64)
	for _, tt := range []struct {
		name     string
		in, want time.Time
	}{
		{"zero", time.Time{}, time.Time{}},
		{"zero in another place", time.Time{}.In(time.FixedZone("x", 3600)), time.Time{}},
		{"now", time.Unix(1_700_000_000, 123_456_789), time.Unix(1_700_000_000, 123_456_789)},
		{"before the epoch", time.Unix(-5, 1), time.Unix(-5, 1)},
		{"first", first, first},
		{"before the first", first.Add(-1), first},
		{"last", last, last},
		{"after the last", last.Add(1), last},
		{"year 1", time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), first},
		{"year 9999", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), last},
		{"far future", time.Unix(math.MaxInt64>>1, 0), last},
	} {
		if got := unpackTime(packTime(tt.in)); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestLevelsOutsideInt32BecomeTheNearest(t *testing.T) {
	for _, tt := range []struct{ in, want slog.Level }{
		{slog.LevelInfo, slog.LevelInfo},
		{slog.LevelDebug, slog.LevelDebug},
		{math.MaxInt32 + 1, math.MaxInt32},
		{math.MinInt32 - 1, math.MinInt32},
		{math.MaxInt, math.MaxInt32},
		{math.MinInt, math.MinInt32},
	} {
		w := packLevel(tt.in)
		if got := unpackLevel(w); got != tt.want {
			t.Errorf("%d became %d, want %d", tt.in, got, tt.want)
		}
		if w>>32 != 0 {
			t.Errorf("level %d: the CRC's half is %x", tt.in, w>>32)
		}
	}
}

func TestFrameLayoutIsAsSpecified(t *testing.T) {
	if got, want := packState(published, 5, 7), uint64(7<<32|5<<2|2); got != want {
		t.Errorf("word 0 is %x, want %x", got, want)
	}
	if got, want := packLevel(-4)|packLevel(0)<<32, uint64(0xfffffffc); got != want {
		t.Errorf("word 1 is %x, want %x", got, want)
	}
	for _, tt := range []struct {
		length int
		want   uint64
	}{{0, 32}, {1, 40}, {8, 40}, {9, 48}, {maxLength, 32 + 1<<30}} {
		if got := frameBytes(tt.length); got != tt.want {
			t.Errorf("a payload of %d takes %d, want %d", tt.length, got, tt.want)
		}
		if over := frameBytes(tt.length) - uint64(tt.length); over > FrameOverhead {
			t.Errorf("a payload of %d has an overhead of %d", tt.length, over)
		}
	}
}

func FuzzFrameHeader(f *testing.F) {
	f.Add(uint64(0), int64(0), int64(0))
	f.Add(uint64(math.MaxUint64), int64(math.MinInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, word uint64, level, nanos int64) {
		s, length, lap := unpackState(word)
		if length < 0 || length > maxLength {
			t.Fatalf("length %d", length)
		}
		if got := packState(s, length, lap); got != word {
			t.Fatalf("word 0: %x became %x", word, got)
		}
		l := slog.Level(level)
		if got := unpackLevel(packLevel(l)); got != l && (got != math.MaxInt32 || l < got) && (got != math.MinInt32 || l > got) {
			t.Fatalf("level %d became %d", l, got)
		}
		at := unpackTime(uint64(nanos))
		if got := packTime(at); got != uint64(nanos) {
			t.Fatalf("time %d became %d", nanos, int64(got))
		}
	})
}
