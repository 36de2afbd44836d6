package journal

import (
	"log/slog"
	"testing"
	"time"
)

// A batch whose first records are empty, and come from a file, keeps them when records
// with a payload follow from memory.
func TestABatchKeepsItsEmptyRecords(t *testing.T) {
	j, err := Open(Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SegmentBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	c := j.NewCursor(CursorConfig{})
	const empty, full = 3000, 10
	for i := range empty + full {
		var payload []byte
		if i >= empty {
			payload = []byte("xyz")
		}
		if err := j.Append(time.Now(), slog.LevelInfo, payload); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for more := true; more; {
		var b Batch
		_, more = c.Read(&b, ReadLimits{Records: 2 * empty, Bytes: 1 << 20})
		got += b.Len()
	}
	if got != empty+full {
		t.Errorf("%d records were read of %d", got, empty+full)
	}
}
