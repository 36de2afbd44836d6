package journal

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Every figure is for a journal that a cursor drains, and which waits for that
// cursor: what is counted has been read.
func BenchmarkAppend(b *testing.B) {
	for _, goroutines := range []int{1, 2, 64} {
		b.Run(fmt.Sprintf("journal/goroutines=%d", goroutines), func(b *testing.B) {
			j, err := Open(Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			drained := drain(j, b.N)
			appendFrom(b, goroutines, b.N, func(t time.Time, p []byte) { j.Append(t, slog.LevelInfo, p) })
			<-drained
		})
		b.Run(fmt.Sprintf("durable/goroutines=%d", goroutines), func(b *testing.B) {
			j, err := Open(Config{Dir: filepath.Join(b.TempDir(), "journal"), MaxBytes: 64 << 20})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			// Once around, so that every segment has been used before.
			const around = 500_000
			drained := drain(j, around+b.N)
			appendFrom(b, goroutines, around, func(t time.Time, p []byte) { j.Append(t, slog.LevelInfo, p) })
			appendFrom(b, goroutines, b.N, func(t time.Time, p []byte) { j.Append(t, slog.LevelInfo, p) })
			<-drained
		})
		b.Run(fmt.Sprintf("write/goroutines=%d", goroutines), func(b *testing.B) {
			f, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			appendFrom(b, goroutines, b.N, func(_ time.Time, p []byte) { f.Write(p) })
		})
		b.Run(fmt.Sprintf("mutex/goroutines=%d", goroutines), func(b *testing.B) {
			// The least a log could do: a copy under a lock, nobody reading.
			var mu sync.Mutex
			ring, at := make([]byte, 4<<20), 0
			appendFrom(b, goroutines, b.N, func(t time.Time, p []byte) {
				mu.Lock()
				if at+len(p) > len(ring) {
					at = 0
				}
				at += copy(ring[at:], p)
				mu.Unlock()
			})
		})
	}
}

func appendFrom(b *testing.B, goroutines, total int, add func(time.Time, []byte)) {
	now := time.Now()
	b.ReportAllocs()
	b.SetBytes(200)
	b.ResetTimer()
	b.StartTimer()
	var wg sync.WaitGroup
	for i := range goroutines {
		n := total / goroutines
		if i == 0 {
			n += total % goroutines
		}
		wg.Go(func() {
			payload := make([]byte, 200)
			for range n {
				add(now, payload)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// drain reads total records with a cursor that appends wait for.
func drain(j *Journal, total int) <-chan struct{} {
	wake := make(chan struct{}, 1)
	c := j.NewCursor(CursorConfig{Key: "bench", Wake: wake, Block: true})
	j.Ready()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b Batch
		for left := total; left > 0; {
			_, more := c.Read(&b, ReadLimits{Records: 1000, Bytes: 1 << 20})
			left -= b.Len()
			c.Ack(c.Position().Next, Tally{Delivered: uint64(b.Len())})
			if left > 0 && !more && c.Arm(min(left, 1000), 0) {
				<-wake
			}
		}
	}()
	return done
}

func BenchmarkRead(b *testing.B) {
	j, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	payload := make([]byte, 200)
	for range 100_000 {
		j.Append(time.Now(), slog.LevelInfo, payload)
	}
	var batch Batch
	b.ReportAllocs()
	b.SetBytes(200)
	for n := 0; n < b.N; {
		c := j.NewCursor(CursorConfig{})
		for more := true; more && n < b.N; n += batch.Len() {
			_, more = c.Read(&batch, ReadLimits{Records: 1000})
		}
		c.detach()
	}
}
