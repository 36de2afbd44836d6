package encode

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestKeyIsKnownByAllOfItsText(t *testing.T) {
	const behind = `"a value",`
	for n := range maxLineKey + 4 {
		text := "0123456789abcdefghijklmnopqrstuvwxyz"[:n]
		var k lineKey
		if k.end(text+behind, 0) >= 0 {
			t.Fatal("the zero lineKey is found")
		}
		k.set(text, timeRole, 1)
		want := n
		if n == 0 || n > maxLineKey {
			want = -1
		}
		if got := k.end(text+behind, 0); got != want {
			t.Errorf("%d bytes: %d, want %d", n, got, want)
		}
		if got := k.end("{"+text+behind, 1); got != want && got != want+1 {
			t.Errorf("%d bytes at 1: %d", n, got)
		}
		for i := range n {
			other := []byte(text + behind)
			other[i] ^= 1
			if got := k.end(string(other), 0); got >= 0 {
				t.Errorf("%s is taken for %s", other, text)
			}
			if got := k.end(text[:i], 0); got >= 0 {
				t.Errorf("%s is taken for %s", text[:i], text)
			}
		}
	}
}

func TestWhatTwoEncodersMaskIsNotMixed(t *testing.T) {
	var l Lines
	line := []byte(`{"time":"2026-11-22T11:00:00Z","colour":"red","n":1}` + "\n")
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "red"}, {Options{Redact: Redact{Keys: []string{"colour"}}}, "***"}, {Options{}, "red"}, {Options{Redact: Redact{Off: true}}, "red"},
	} {
		l.Begin(newCleanEncoder(t, c.o), time.Time{}, slog.LevelInfo)
		for range 2 {
			if got, _, _, _ := l.Next(line); !strings.Contains(string(got), `"colour":"`+c.want+`"`) {
				t.Errorf("%+v: %s", c.o, got)
			}
		}
	}
}

// FuzzCleanAfterOthers: whatever keys are remembered, an object is clean if and only if
// it is without them, and has the same time and level.
func FuzzCleanAfterOthers(f *testing.F) {
	for _, s := range [][2]string{
		{`{"time":"2026-11-22T11:00:00.25Z","level":"info","msg":"m","token":1}`, `{"time":"2026-11-22T11:00:00.5Z","level":"warn","msg":"m","toker":1}`},
		{`{ "ts" : 1.5, "a": {"level": 3, "time": 4}, "b":[{"c":1},{"c":2}]}`, `{ "ts" : 1.5, "level": {"a": 3, "time": 4}, "c":[{"b":1},{"b":2}]}`},
		{`{ "ts" :`, `{ "ts" : []}`}, {`{"a":1{"b":2}}`, `{"a":{"b":2}}`}, {`{"a":{"b":2}}`, `{"a":1{"b":2}}`}, {`{"a":1,"b":2}`, `{"a":1 "b":2}`},
		{`{"a_long_name_of_a_key":1,"k":"http://h"}`, `{"a_long_name_of_a_kez":1,"k":"http://u:p@h"}`}, {`{"x":1}`, `{"x":`}, {`{"":1}`, `{"":""}`},
	} {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	encoders := []*Encoder{
		newCleanEncoder(f, Options{MaxRecord: 1 << 30}),
		newCleanEncoder(f, Options{MaxRecord: 1 << 30, Redact: Redact{Off: true}}),
		newCleanEncoder(f, Options{MaxRecord: 1 << 30, Redact: Redact{Keys: []string{"a", "time", "ü", "x_y"}}}),
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first) == 0 || first[0] != '{' || len(second) == 0 || second[0] != '{' {
			return
		}
		for i, e := range encoders {
			var keys keyMemory
			var c clock
			for _, object := range [][]byte{first, second, first, second} {
				var want heading
				clean := e.rules.clean(object, &want)
				got := heading{keys: &keys, clock: &c}
				if e.rules.clean(object, &got) != clean {
					t.Fatalf("encoder %d: %q is clean: %v, want %v", i, object, !clean, clean)
				}
				if clean && (!got.t.Equal(want.t) || got.l != want.l || got.timeRank != want.timeRank || got.levelRank != want.levelRank) {
					t.Fatalf("encoder %d: %q: %+v, want %+v", i, object, got, want)
				}
			}
		}
	})
}

// FuzzWords holds what looks at eight bytes at once against what looks at one.
func FuzzWords(f *testing.F) {
	f.Add("0123456789012345678901234567890123456789\"")
	f.Add("a string of more than sixteen bytes, with grüße, \x7f and \x80, and an @")
	f.Add("12345678\x8a9")
	f.Fuzz(func(t *testing.T, s string) {
		for from := range min(len(s), 20) {
			want := from
			for want < len(s) && s[want] >= ' ' && !strings.ContainsRune("\"\\@", rune(s[want])) {
				want++
			}
			if got := plainEnd(s, from); got != want {
				t.Errorf("plainEnd(%q, %d) is %d, want %d", s, from, got, want)
			}
			want = from + len(s[from:]) - len(strings.TrimLeft(s[from:], "0123456789"))
			if got := digitsEnd(s, from); got != want {
				t.Errorf("digitsEnd(%q, %d) is %d, want %d", s, from, got, want)
			}
		}
	})
}

func TestCleanDoesNotLeaveTheLine(t *testing.T) {
	e := newCleanEncoder(t, Options{})
	for text, want := range map[string]int{
		"{\"a\":1}\n{\"b\":2}": 7, "{\"a\":1} {\"b\":2}": 7, "{\"a\":1,\n\"b\":2}": -1, "{\"a\":\n1}": -1, "{\n}": -1, "{\"a\":\"b\n\"}": -1, "{\"a\":tr\nue}": -1,
		"{\"a\":[1,\n2]}": -1, "{\"a\":1\n}": -1, "{\"a\\\n\":1}": -1, "{\"a\":1.\n5}": -1, "{\"a\":12345678\n}": -1,
	} {
		for range 2 {
			if got := e.rules.cleanEnd([]byte(text), &heading{}, new(keyMemory)); got != want {
				t.Errorf("%q: %d, want %d", text, got, want)
			}
		}
	}
}
