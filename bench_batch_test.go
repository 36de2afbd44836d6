package fapilog

import (
	"log/slog"
	"testing"
	"time"

	"github.com/fapilog/fapilog/journal"
)

// BenchmarkBatch makes records of what was read. It counts records.
func BenchmarkBatch(b *testing.B) {
	j, err := journal.Open(journal.Config{MaxBytes: 16 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for range 1000 {
		if err := j.Append(time.Now(), slog.LevelInfo, make([]byte, 200)); err != nil {
			b.Fatal(err)
		}
	}
	var batch batch
	j.NewCursor(journal.CursorConfig{}).Read(&batch.memory, journal.ReadLimits{Records: 1000})
	p := new(Pipeline)
	b.ResetTimer()
	for n := 0; n < b.N; n += len(batch.records) {
		batch.load(p)
	}
}
