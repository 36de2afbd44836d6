//go:build !race

package encode_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// The race detector makes sync.Pool drop what it is given, hence the build
// constraint.

func TestCommonKindsAllocateNothing(t *testing.T) {
	at := time.Now()
	base := newEncoder(t, encode.Options{})
	deep := base.WithAttrs([]slog.Attr{slog.String("service", "api")}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("n", 1)}).WithGroup("h")
	extra := []slog.Attr{slog.String("request", "r-1")}
	buf := make([]byte, 0, 4096)
	for name, attrs := range map[string][]slog.Attr{
		"none":     nil,
		"string":   {slog.String("k", "plain"), slog.String("l", "needs \"escapes\"\n, grüße"), slog.String("m", "joe@example.com")},
		"masked":   {slog.String("password", "x"), slog.Int("token", 1), slog.String("url", "http://u:p@h")},
		"int":      {slog.Int("k", -42), slog.Uint64("l", 1<<63)},
		"bool":     {slog.Bool("k", true)},
		"float":    {slog.Float64("k", 1.0/3), slog.Float64("l", 1e-9), slog.Float64("m", 3)},
		"duration": {slog.Duration("k", time.Second)},
		"time":     {slog.Time("k", at)},
		"error":    {slog.Any("err", errors.New("static text"))},
		"nil":      {slog.Any("k", nil)},
		"group":    {slog.Group("k", "a", 1, slog.Group("b", "c", "d", "e", at))},
		"eight":    {slog.Int("a", 1), slog.Int("b", 1), slog.Int("c", 1), slog.Int("d", 1), slog.Int("e", 1), slog.Int("f", 1), slog.Int("g", 1), slog.Int("h", 1)},
	} {
		r := slog.NewRecord(at, slog.LevelInfo, "a message of ordinary length", 0)
		r.AddAttrs(attrs...)
		for where, e := range map[string]*encode.Encoder{"plain": base, "grouped": deep} {
			if n := testing.AllocsPerRun(200, func() {
				r.Time = r.Time.Add(time.Second / 3)
				buf = e.AppendRecord(buf[:0], &r, extra)
			}); n != 0 {
				t.Errorf("%s, %s: %v allocations", name, where, n)
			}
		}
	}
}

func TestLinesAllocateNothing(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	buf := make([]byte, 0, 4096)
	for _, line := range []string{
		`{"time":"2024","level":"info","msg":"m","a":[1,{"b":null}],"password":"x","e":"\"@","u":"http:\/\/u:p@h"}`, "plain text http://u:p@h",
	} {
		line := []byte(line)
		if n := testing.AllocsPerRun(200, func() {
			var ok bool
			if buf, ok = e.AppendObject(buf[:0], line); !ok {
				buf = e.AppendLine(buf[:0], time.Time{}, slog.LevelInfo, line, 0)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}
