//go:build !race

package encode_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// The race detector makes sync.Pool drop what it is given, hence the build
// constraint.

func TestLinesOfOneMomentAllocateNothing(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	attrs := []slog.Attr{slog.String("stream", "stdout")}
	buf := make([]byte, 0, 4096)
	var lines encode.Lines
	for _, line := range []string{
		"plain text", "text that needs \"escapes\", grüße", "with x://u:p@h in it", `{"time":"2026-11-22T11:00:00Z","level":"info","msg":"m","a":[1,{"b":null}],"e":"\"@"}`,
		`{"ts":1704164645.25,"level":30,"password":"x","u":"http:\/\/u:p@h"}`,
	} {
		line := []byte(line)
		for _, at := range []time.Time{time.Unix(1_700_000_000, 5), time.Unix(1_700_000_000, 10), time.Unix(1_700_000_000, 999_999_999)} {
			if n := testing.AllocsPerRun(200, func() {
				lines.Begin(e, at, slog.LevelInfo, attrs...)
				buf, _, _ = lines.Append(buf[:0], line, int64(len(line)))
				_, _, _, _ = lines.Next(line)
			}); n != 0 {
				t.Errorf("%s, at %v: %v allocations", line, at, n)
			}
		}
	}
}
