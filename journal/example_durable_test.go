package journal_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fapilog/fapilog/journal"
)

// A journal in files. What one process has left the next one reads, as the same
// entries, if its cursor has the same key.
func ExampleOpen_durable() {
	root, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	cfg := journal.Config{Dir: filepath.Join(root, "journal"), MaxBytes: 1 << 20}

	first, err := journal.Open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	first.NewCursor(journal.CursorConfig{Key: "archive"})
	first.Ready()
	if err := first.Append(time.Now(), slog.LevelInfo, []byte("left behind")); err != nil {
		fmt.Println(err)
	}
	first.Close()

	next, err := journal.Open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer next.Close()
	c := next.NewCursor(journal.CursorConfig{Key: "archive"})
	next.Ready()
	var b journal.Batch
	c.Read(&b, journal.ReadLimits{Records: 10})
	for e := range b.All() {
		fmt.Printf("%v %s\n", e.Level, e.Data)
	}
	// Output: INFO left behind
}
