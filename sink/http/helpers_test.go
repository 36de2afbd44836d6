package http_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	httpsink "github.com/fapilog/fapilog/sink/http"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// serve starts a server in memory for the length of the test.
func serve(t *testing.T, handler http.HandlerFunc) *pipe.Listener {
	t.Helper()
	l := pipe.Listen()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l
}

// configFor returns settings for http://logs.example/in on l.
func configFor(l *pipe.Listener) httpsink.Config {
	var c httpsink.Config
	c.URL = &url.URL{Scheme: "http", Host: "logs.example", Path: "/in"}
	c.Dial = l.Dial
	return c
}

// open returns a sink for the length of the test.
func open(t *testing.T, c httpsink.Config) sink.Sink {
	t.Helper()
	s, err := httpsink.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// batch returns n records.
func batch(n int) []sink.Record {
	records := make([]sink.Record, n)
	for i := range records {
		records[i] = sink.Record{ID: sink.ID{Seq: uint64(i + 1)}, Time: time.Unix(int64(i), 0), Level: slog.LevelInfo, JSON: fmt.Appendf(nil, `{"n":%d}`, i+1)}
	}
	return records
}

// write makes an attempt with a deadline of 10 s.
func write(t *testing.T, s sink.Sink, records []sink.Record) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return s.Write(ctx, records)
}
