package encode

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestKeyIsFoundOnlyAsItself(t *testing.T) {
	var c keyCache
	seen := make(map[string]bool)
	known := func(key string) (*cachedKey, bool) {
		head, tail := fingerprint(key)
		k := c.place(head, tail)
		return k, k.is(key, head, tail)
	}
	for range 200_000 {
		key := make([]byte, rand.IntN(20))
		for i := range key {
			key[i] = "ab_\x00\"é"[rand.IntN(7)]
		}
		k, ok := known(string(key))
		switch text := fmt.Sprintf(`,"%s":`, key); {
		case ok && !seen[string(key)]:
			t.Fatalf("%q is known as %q and was not added", key, k.text[:k.size])
		case ok && string(k.text[:k.size]) != text:
			t.Fatalf("%q is written %q", key, k.text[:k.size])
		}
		c.add(string(key))
		_, ok = known(string(key))
		plain := len(key) > 0 && len(key) <= maxCachedKey && plainPrefix(string(key)) == len(key)
		if ok != plain {
			t.Fatalf("%q: known: %v, want %v", key, ok, plain)
		}
		seen[string(key)] = ok
	}
}

// Keys that are known and numbers are written in one go where there is room for them,
// otherwise in pieces.
func TestRoomInTheBufferMakesNoDifference(t *testing.T) {
	base, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := slog.NewRecord(time.Date(2024, 5, 6, 7, 8, 9, 120_000_000, time.UTC), slog.LevelInfo, "short", 0)
	r.AddAttrs(slog.Int("a", 1), slog.String("bc", "x"), slog.Int("sixteen_bytes_ab", -123456789), slog.Uint64("def", 1<<63),
		slog.Int("a_key_of_more_than_16_bytes", 7), slog.Group("first", slog.Int("a", 12345678), slog.Bool("bc", true)),
		slog.Group("", slog.Duration("a", 99999999)), slog.Any("", nil), slog.Any("none", nil), slog.String("password", "x"),
		slog.Any("bc", &slog.Source{File: "f"}), slog.Any("def", slog.AnyValue(level(3))), slog.String("a", strings.Repeat("y", 50)))
	for _, e := range []*Encoder{base, base.WithGroup("g"), base.WithAttrs([]slog.Attr{slog.Int("a", 1)})} {
		want := string(e.AppendRecord(nil, &r, nil))
		var s Scratch
		for room := range 2 * len(want) {
			if got := s.AppendRecord(e, make([]byte, 0, room), &r, nil, nil); string(got) != want {
				t.Fatalf("with room for %d bytes:\n%s, want\n%s", room, got, want)
			}
		}
	}
}

// level is a LogValuer whose value is a group.
type level int

func (l level) LogValue() slog.Value { return slog.GroupValue(slog.Int("a", int(l))) }
