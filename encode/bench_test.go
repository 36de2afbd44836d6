package encode_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// commonRecord has one attribute of each of the most common kinds.
func commonRecord(at time.Time) slog.Record {
	r := slog.NewRecord(at, slog.LevelInfo, "request served", 0)
	r.AddAttrs(slog.String("path", "/v1/accounts/4711"), slog.Int("status", 200),
		slog.Duration("elapsed", 1234567), slog.Bool("cached", true), slog.Any("error", errors.New("connection refused")))
	return r
}

// BenchmarkRecord encodes the same record at times a microsecond apart, beside
// log/slog.
func BenchmarkRecord(b *testing.B) {
	at := time.Now()
	b.Run("encode", func(b *testing.B) {
		e := newEncoder(b, encode.Options{})
		r := commonRecord(at)
		buf := make([]byte, 0, 4096)
		b.ReportAllocs()
		for b.Loop() {
			r.Time = r.Time.Add(time.Microsecond)
			buf = e.AppendRecord(buf[:0], &r, nil)
		}
	})
	b.Run("slog", func(b *testing.B) {
		h := slog.NewJSONHandler(io.Discard, nil)
		r := commonRecord(at)
		b.ReportAllocs()
		for b.Loop() {
			r.Time = r.Time.Add(time.Microsecond)
			_ = h.Handle(context.Background(), r)
		}
	})
}

// BenchmarkObject passes a line through.
func BenchmarkObject(b *testing.B) {
	e := newEncoder(b, encode.Options{})
	record := commonRecord(time.Now())
	line := e.AppendRecord(nil, &record, nil)
	buf := make([]byte, 0, 4096)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = e.AppendObject(buf[:0], line)
	}
}
