package otlp_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink/otlp"
)

// pipeline returns one with the sink as its only route, "otlp".
func pipeline(t *testing.T, c otlp.Config, d fapilog.Delivery) *fapilog.Pipeline {
	t.Helper()
	s, err := otlp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := fapilog.New(t.Context(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "otlp", Sink: s, Delivery: d}},
		Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

func flush(t *testing.T, p *fapilog.Pipeline) {
	t.Helper()
	ctx, cancel := contextFor(t, time.Hour)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// inOrder expects the records whose n is from 1 to last, but one.
func inOrder(t *testing.T, got []logRecord, last, without int) {
	t.Helper()
	at := 0
	for want := 1; want <= last; want++ {
		if want == without {
			continue
		}
		if at >= len(got) || got[at].Attributes["n"] != int64(want) {
			t.Fatalf("%d records, and number %d is not %d", len(got), at+1, want)
		}
		at++
	}
	if at != len(got) {
		t.Errorf("%d records, want %d", len(got), at)
	}
}

func TestParametersOfTheSinkAndOfDeliveryGoTogether(t *testing.T) {
	for _, uri := range []string{"otlp://h?resource=a=b&level=warn&breaker-failures=3&timeout=5s", "otlp+https://user:pass@h/x?gzip-level=9&linger=1s"} {
		p, err := fapilog.New(t.Context(), fapilog.Config{Routes: []fapilog.Route{{URI: uri}}, Diagnostics: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusedRecordsAreCountedAndNotSentAgain(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		synctest.Test(t, func(t *testing.T) {
			server := collect(t)
			server.answer = func(w http.ResponseWriter, q request) bool {
				server.accept(q.Records[:len(q.Records)-3])
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"stream limit"}}`)
				return true
			}
			p := pipeline(t, server.config(), fapilog.Delivery{Quarantine: dir})
			for i := 1; i <= 10; i++ {
				p.Logger().Info("x", "n", i)
			}
			flush(t, p)
			row := p.Stats().Sinks[0]
			if row.Delivered != 7 || row.Quarantined+row.Dropped[fapilog.DroppedRejected] != 3 || row.Pending != 0 || row.Circuit != breaker.Closed {
				t.Errorf("%+v", row)
			}
			if (row.Quarantined == 3) != (dir != "") || len(server.requests) != 1 || !strings.Contains(row.LastError, "stream limit") {
				t.Errorf("%d requests: %+v", len(server.requests), row)
			}
		})
	}
}

func TestOneBadRecordIsFoundAndTheOthersArriveOnce(t *testing.T) {
	const n, bad = 5_000, 2_345
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		server.answer = func(w http.ResponseWriter, q request) bool {
			for _, r := range q.Records {
				if r.Body == "poison" {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusBadRequest)
					io.WriteString(w, `{"code":3,"message":"no poison"}`)
					return true
				}
			}
			return false
		}
		p := pipeline(t, server.config(), fapilog.Delivery{Quarantine: dir, OnFull: fapilog.Block, BlockTimeout: fapilog.Forever})
		log := p.Logger()
		for i := 1; i <= n; i++ {
			msg := "hello"
			if i == bad {
				msg = "poison"
			}
			log.Info(msg, "n", i)
		}
		flush(t, p)
		inOrder(t, server.accepted, n, bad)
		row := p.Stats().Sinks[0]
		if row.Delivered != n-1 || row.Quarantined != 1 || row.Circuit != breaker.Closed {
			t.Errorf("%+v", row)
		}
		if extra, most := len(server.requests)-n/1000, 2*bits.Len(1000)+4; extra > most {
			t.Errorf("%d requests beyond one a batch, want at most %d", extra, most)
		}
	})
	kept, err := os.ReadFile(filepath.Join(dir, "otlp.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"otlp: 400 Bad Request: no poison", fmt.Sprint(`"n":`, bad)} {
		if !strings.Contains(string(kept), want) || strings.Count(string(kept), "\n") != 1 {
			t.Errorf("%q is not in %s", want, kept)
		}
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		value  func(now time.Time) string
		least  time.Duration
	}{
		{"429 with seconds", 429, func(time.Time) string { return "30" }, 30 * time.Second},
		{"503 with seconds", 503, func(time.Time) string { return "30" }, 30 * time.Second},
		{"502 with a date", 502, func(now time.Time) string { return now.Add(40 * time.Second).UTC().Format(http.TimeFormat) }, 40 * time.Second},
		{"a wait without measure", 429, func(time.Time) string { return "99999999999999999999" }, 5 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := collect(t)
				var times []time.Time
				server.answer = func(w http.ResponseWriter, _ request) bool {
					if times = append(times, time.Now()); len(times) > 1 {
						return false
					}
					w.Header().Set("Retry-After", test.value(time.Now()))
					w.WriteHeader(test.status)
					return true
				}
				p := pipeline(t, server.config(), fapilog.Delivery{})
				p.Logger().Info("x", "n", 1)
				flush(t, p)
				if len(times) != 2 || times[1].Sub(times[0]) < test.least || times[1].Sub(times[0]) > test.least*6/5 {
					t.Errorf("the requests came at %v", times)
				}
				inOrder(t, server.accepted, 1, 0)
			})
		})
	}
}

func TestThrottlingLeavesTheCircuitClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		attempts := 0
		server.answer = func(w http.ResponseWriter, _ request) bool {
			if attempts++; attempts > 20 {
				return false
			}
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		p := pipeline(t, server.config(), fapilog.Delivery{})
		p.Logger().Info("x", "n", 1)
		flush(t, p)
		if row := p.Stats().Sinks[0]; row.Circuit != breaker.Closed || row.Delivered != 1 || row.Attempts != 21 {
			t.Errorf("%+v", row)
		}
	})
}

func TestTenMinutesOfOutage(t *testing.T) {
	const n = 600
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		var down atomic.Bool
		var refused atomic.Int32
		c := server.config()
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if down.Load() {
				refused.Add(1)
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			return server.Dial(ctx, network, address)
		}
		p := pipeline(t, c, fapilog.Delivery{})
		log := p.Logger()
		down.Store(true)
		for i := 1; i <= n; i++ { // one a second, for ten minutes
			log.Info("x", "n", i)
			time.Sleep(time.Second)
		}
		// Five failures open the circuit; then there is one attempt in 30 s.
		if got, most := refused.Load(), int32(5+600/30+1); got > most || got < 10 {
			t.Errorf("%d attempts, want at most %d", got, most)
		}
		down.Store(false)
		start := time.Now()
		flush(t, p)
		if took := time.Since(start); took > 41*time.Second { // breaker recovery + timeout + 1 s
			t.Errorf("it took %v to recover", took)
		}
		inOrder(t, server.accepted, n, 0)
		if row := p.Stats().Sinks[0]; row.Delivered != n || row.Circuit != breaker.Closed {
			t.Errorf("%+v", row)
		}
	})
}

// A collector that loses its answers gets records twice, with the same ids.
func TestLostAnswersAreRecognisedByTheIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		attempts := 0
		server.answer = func(_ http.ResponseWriter, q request) bool {
			if attempts++; attempts%2 == 1 {
				server.accept(q.Records)
				panic(http.ErrAbortHandler) // kept, and nobody hears of it
			}
			return false
		}
		p := pipeline(t, server.config(), fapilog.Delivery{BatchRecords: 10})
		for i := 1; i <= 100; i++ {
			p.Logger().Info("x", "n", i)
		}
		flush(t, p)
		ids := map[any]logRecord{}
		for _, r := range server.accepted {
			id := r.Attributes["log.record.uid"]
			if before, again := ids[id]; again && before.Attributes["n"] != r.Attributes["n"] {
				t.Errorf("%v is the id of two records", id)
			}
			ids[id] = r
		}
		if len(server.accepted) != 200 || len(ids) != 100 {
			t.Errorf("%d records with %d ids", len(server.accepted), len(ids))
		}
	})
}
