package loki

import (
	"net/url"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// BenchmarkPack makes requests. It counts records.
func BenchmarkPack(b *testing.B) {
	c := Config{Labels: sink.List{"app=bench"}, LabelFields: sink.List{"level"}}
	c.URL = &url.URL{Scheme: "http", Host: "localhost:3100"}
	d, err := c.destination()
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	const json = `{"time":"2026-11-22T11:44:08.123456789Z","level":"INFO","msg":"request handled",` +
		`"path":"/v1/orders/4711/items","status":200,"took":1534000,"cached":true,"err":"upstream closed the connection"}`
	batch := make([]sink.Record, 1000)
	for i := range batch {
		batch[i] = sink.Record{ID: sink.ID{Journal: [16]byte{1}, Seq: uint64(i)}, Time: time.Now(), JSON: []byte(json)}
	}
	b.ReportAllocs()
	for n := 0; n < b.N; n += len(batch) {
		p := d.packer()
		p.pack(batch, time.Now())
		p.release()
	}
}
