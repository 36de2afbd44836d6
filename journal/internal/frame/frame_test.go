package frame

import (
	"encoding/binary"
	"hash/crc32"
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
		if got := UnpackTime(PackTime(tt.in)); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestLevelsOutsideInt32BecomeTheNearest(t *testing.T) {
	below, above := int64(math.MinInt32)-1, int64(math.MaxInt32)+1
	for _, tt := range []struct{ in, want slog.Level }{
		{slog.LevelInfo, slog.LevelInfo},
		{slog.LevelDebug, slog.LevelDebug},
		{slog.Level(min(above, math.MaxInt)), math.MaxInt32}, // where an int is no longer, the greatest there is
		{slog.Level(max(below, math.MinInt)), math.MinInt32},
		{math.MaxInt, math.MaxInt32},
		{math.MinInt, math.MinInt32},
	} {
		w := PackLevel(tt.in)
		if got := UnpackLevel(w); got != tt.want {
			t.Errorf("%d became %d, want %d", tt.in, got, tt.want)
		}
		if UnpackCheck(w) != 0 {
			t.Errorf("level %d: the CRC's half is %x", tt.in, UnpackCheck(w))
		}
		if w |= PackCheck(0xfedcba98); UnpackLevel(w) != tt.want || UnpackCheck(w) != 0xfedcba98 {
			t.Errorf("level %d and CRC fedcba98 became %d and %x", tt.want, UnpackLevel(w), UnpackCheck(w))
		}
	}
}

func TestFrameLayoutIsAsSpecified(t *testing.T) {
	if got, want := PackState(Published, 5, 7), uint64(7<<32|5<<2|2); got != want {
		t.Errorf("word 0 is %x, want %x", got, want)
	}
	var word [8]byte
	binary.NativeEndian.PutUint64(word[:], PackLevel(-4)|PackCheck(1<<24))
	if got := binary.NativeEndian.Uint32(word[:]); got != 1<<24 {
		t.Errorf("the CRC's bytes are %x", got)
	}
	if got := int32(binary.NativeEndian.Uint32(word[4:])); got != -4 {
		t.Errorf("the level's bytes are %x", got)
	}
	for _, tt := range []struct {
		length int
		want   uint64
	}{{0, 32}, {1, 40}, {8, 40}, {9, 48}, {MaxLength, 32 + 1<<30}} {
		if got := Bytes(tt.length); got != tt.want {
			t.Errorf("a payload of %d takes %d, want %d", tt.length, got, tt.want)
		}
		if over := Bytes(tt.length) - uint64(tt.length); over > Overhead {
			t.Errorf("a payload of %d has an overhead of %d", tt.length, over)
		}
	}
}

func TestCRCIsThatOfLapPlaceAndBytesFromTheLevelOn(t *testing.T) {
	table := crc32.MakeTable(crc32.Castagnoli)
	id := [16]byte{9, 15: 7}
	seed := crc32.Checksum(append(id[:], 4, 3, 2, 1), table)
	if got := Seed(id, 0x01020304); got != seed {
		t.Errorf("Seed is %x, want %x", got, seed)
	}
	frame := make([]byte, Bytes(100))
	for i := range frame {
		frame[i] = byte(3 * i)
	}
	for _, tt := range []struct {
		at     uint64
		spread uint32
	}{{0, 0}, {8, 0x9e3779b9}, {16, 0x3c6ef372}, {1 << 33, 0x5fd29f05}} {
		if got, want := Check(seed, tt.at, frame, 100), crc32.Update(seed^tt.spread, table, frame[12:132]); got != want {
			t.Errorf("Check at %d is %x, want %x", tt.at, got, want)
		}
	}
}

func FuzzFrameHeader(f *testing.F) {
	f.Add(uint64(0), int64(0), int64(0))
	f.Add(uint64(math.MaxUint64), int64(math.MinInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, word uint64, level, nanos int64) {
		s, length, lap := UnpackState(word)
		if length < 0 || length > MaxLength {
			t.Fatalf("length %d", length)
		}
		if got := PackState(s, length, lap); got != word {
			t.Fatalf("word 0: %x became %x", word, got)
		}
		l := slog.Level(level)
		if got := UnpackLevel(PackLevel(l)); got != l && (got != math.MaxInt32 || l < got) && (got != math.MinInt32 || l > got) {
			t.Fatalf("level %d became %d", l, got)
		}
		at := UnpackTime(uint64(nanos))
		if got := PackTime(at); got != uint64(nanos) {
			t.Fatalf("time %d became %d", nanos, int64(got))
		}
	})
}
