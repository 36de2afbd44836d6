package journal_test

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/fapilog/fapilog/journal"
)

// One goroutine appends, another reads at its own pace and is told when there
// is more.
func Example() {
	j, err := journal.Open(journal.Config{MaxBytes: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()

	wake := make(chan struct{}, 1)
	c := j.NewCursor(journal.CursorConfig{Wake: wake})

	go func() {
		for _, s := range []string{"one", "two", "three"} {
			j.Append(time.Now(), slog.LevelInfo, []byte(s))
		}
	}()

	var b journal.Batch
	for c.Position().Next < 3 {
		_, more := c.Read(&b, journal.ReadLimits{Records: 100})
		for e := range b.All() {
			fmt.Printf("%d %v %s\n", e.Seq, e.Level, e.Data)
		}
		if !more && c.Position().Next < 3 && c.Arm(1, 0) {
			<-wake
		}
	}
	// Output:
	// 0 INFO one
	// 1 INFO two
	// 2 INFO three
}

// What does not fit is evicted, and each cursor knows how many records it has
// lost.
func ExampleCursor_Position() {
	j, err := journal.Open(journal.Config{MaxBytes: 8 << 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer j.Close()
	c := j.NewCursor(journal.CursorConfig{})
	for range 10 {
		j.Append(time.Now(), slog.LevelInfo, make([]byte, j.MaxPayload()))
	}
	p := c.Position()
	fmt.Println(p.Next, p.End, p.Lost, p.UnreadBytes)
	// Output: 8 10 8 8192
}
