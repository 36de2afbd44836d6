package lines

import (
	"bytes"
	"io"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

// BenchmarkWrite counts records.
func BenchmarkWrite(b *testing.B) {
	batch := make([]sink.Record, 1000)
	memory := bytes.Repeat([]byte("x"), 185*len(batch))
	for i := range batch {
		batch[i] = sink.Record{ID: sink.ID{Journal: [16]byte{1}, Seq: uint64(i)}, JSON: memory[i*185:][:185:185]}
	}
	w := NewWriter(NewStream(), 0, JSON)
	for n := 0; n < b.N; n += len(batch) {
		if err := w.Write(b.Context(), io.Discard, batch); err != nil {
			b.Fatal(err)
		}
	}
}
