package journal

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestProcessThatIsStartedAgainAndAgainLeavesNoMoreThanItsRecords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	const starts, each, segments = 60, 5, 64
	n := 0
	for range starts {
		j := openDir(t, dir, segments) // as much as 32 lives would take with two segments each
		j.NewCursor(CursorConfig{Key: "down"})
		j.Ready()
		for range each {
			if err := j.Append(time.Now(), slog.LevelInfo, numbered(n)); err != nil {
				t.Fatal(err)
			}
			n++
		}
		j.Close()
	}
	j := openDir(t, dir, segments)
	c := j.NewCursor(CursorConfig{Key: "down"})
	j.Ready()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			bytes += info.Size()
		}
	}
	if most := int64(starts*(4096+each*200) + 3*8192); len(files) > starts+3 || bytes > most {
		t.Errorf("%d files of %d bytes, want %d of at most %d", len(files), bytes, starts+3, most)
	}
	checkAll(t, c, 0, n)
}
