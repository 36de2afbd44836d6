package encode

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLinesKeepNoHugeMemory(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1, 0) // which the second line cannot be written over
	var l Lines
	for _, size := range []int{maxPooled / 4, 2 * maxPooled} {
		long := strings.Repeat("x", size)
		l.Begin(e, now, slog.LevelInfo, slog.String("a", long))
		text := []byte(long + "\n" + long + "\n")
		for len(text) > 0 {
			_, n, _, _ := l.Next(text)
			text = text[n:]
		}
		huge := size > maxPooled
		if cap(l.frame) > maxPooled != huge || cap(l.spare) > maxPooled != huge || cap(l.record) > maxPooled != huge {
			t.Errorf("with %d bytes: %d, %d, %d", size, cap(l.frame), cap(l.spare), cap(l.record))
		}
		l.Begin(e, now, slog.LevelInfo)
		if cap(l.frame) > maxPooled || cap(l.spare) > maxPooled || cap(l.record) > maxPooled {
			t.Errorf("after %d bytes: %d, %d, %d", size, cap(l.frame), cap(l.spare), cap(l.record))
		}
	}
}
