package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/elasticsearch/estest"
)

// pipeline returns one with s as its only sink, named es.
func pipeline(t *testing.T, s sink.Sink, d fapilog.Delivery) *fapilog.Pipeline {
	t.Helper()
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "es", Sink: s, Delivery: d}},
		Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

// delivers waits until all is settled, and returns the sink's row of the ledger.
func delivers(t *testing.T, p *fapilog.Pipeline, within time.Duration) fapilog.SinkStats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Errorf("%v: %+v", err, p.Stats().Sinks[0])
	}
	return p.Stats().Sinks[0]
}

// wantOnce expects the numbers 0 to n-1 once each and in order, but for one.
func wantOnce(t *testing.T, docs []estest.Document, n, but int) {
	t.Helper()
	next := 0
	for _, d := range docs {
		if next == but {
			next++
		}
		var v struct{ N int }
		if err := json.Unmarshal([]byte(d.Source), &v); err != nil || v.N != next {
			t.Fatalf("%v: %s, want number %d", err, d.Source, next)
		}
		next++
	}
	if next == but {
		next++
	}
	if next != n {
		t.Errorf("%d documents, want %d", next, n)
	}
}

// refusing answers 400 to every request that has the word in it, and counts them all.
type refusing struct {
	http.Handler
	word     string
	requests atomic.Int32
}

func (h *refusing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.requests.Add(1)
	body, _ := io.ReadAll(r.Body)
	if h.word != "" && bytes.Contains(body, []byte(h.word)) {
		answer(400, `{"error":{"type":"x_content_parse_exception","reason":"poisoned"},"status":400}`)(w, r)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h.Handler.ServeHTTP(w, r)
}

func TestOneBadRecordIsQuarantinedAndAllOthersDeliveredOnce(t *testing.T) {
	const batch = 1000
	records := 100_000
	if raced {
		records = 10_000 // the fake is slow then
	}
	tests := []struct {
		name   string
		word   string // that makes the whole request fail
		reason string
		extra  int
	}{
		{"told by its item", "", "400: document_parsing_exception: [1:1] failed to parse field [n] of type [long]", 0},
		{"searched for", "poison", "400 Bad Request: x_content_parse_exception: poisoned", 2*bits.Len(batch-1) + 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.word != "" {
				records /= 5 // what counts is the one batch
			}
			bad := records/2 + 321
			synctest.Test(t, func(t *testing.T) {
				server := new(estest.Server)
				h := &refusing{Handler: server, word: test.word}
				dir := t.TempDir()
				p := pipeline(t, serve(t, h, nil), fapilog.Delivery{Quarantine: dir, BatchRecords: batch})
				for i := range records {
					var n any = i
					if i == bad {
						n = "poison"
					}
					p.Logger().Info("<one> & more", "n", n)
				}
				row := delivers(t, p, time.Minute)
				if row.Delivered != uint64(records)-1 || row.Quarantined != 1 || row.Pending != 0 {
					t.Errorf("%+v", row)
				}
				wantOnce(t, server.Documents(), records, bad)
				if extra := int(h.requests.Load()) - records/batch; extra > test.extra+1 { // a batch may have been cut by the linger
					t.Errorf("%d requests more than batches, want %d at most", extra, test.extra)
				}
				text, err := os.ReadFile(filepath.Join(dir, "es.jsonl"))
				if err != nil || strings.Count(string(text), "\n") != 1 {
					t.Fatalf("%v: %s", err, text)
				}
				for _, want := range []string{`"reason":"rejected"`, test.reason, `"msg":"<one> & more","n":"poison"}}`} {
					if !strings.Contains(string(text), want) {
						t.Errorf("%s does not say %s", text, want)
					}
				}
			})
		})
	}
}

func TestOnlyTheRecordsThatFailAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		tries := map[string]int{}
		server := &estest.Server{Fail: func(o estest.Operation) *estest.Failure {
			mu.Lock()
			defer mu.Unlock()
			tries[o.ID]++
			switch sum := o.ID[len(o.ID)-1]; {
			case sum == '3' && tries[o.ID] < 3:
				return &estest.Failure{Status: 429, Type: "es_rejected_execution_exception", Reason: "queue is full"}
			case sum == '7' && tries[o.ID] < 2:
				return &estest.Failure{Status: 503, Type: "unavailable_shards_exception", Reason: "no primary"}
			}
			return nil
		}}
		p := pipeline(t, serve(t, server, nil), fapilog.Delivery{})
		for i := range 1000 {
			p.Logger().Info("x", "n", i)
		}
		row := delivers(t, p, time.Minute)
		if row.Delivered != 1000 || row.Circuit != breaker.Closed || len(server.Documents()) != 1000 {
			t.Errorf("%d documents, %+v", len(server.Documents()), row)
		}
		for id, n := range tries {
			want := map[byte]int{'3': 3, '7': 2}[id[len(id)-1]]
			if n != max(want, 1) {
				t.Errorf("record %s was sent %d times", id, n)
			}
		}
	})
}

// The server has stored the records, and nobody is told.
func TestLostAnswersMakeNoDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(estest.Server)
		var requests atomic.Int32
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1)%3 == 0 {
				server.ServeHTTP(w, r)
				return
			}
			server.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}), nil)
		p := pipeline(t, s, fapilog.Delivery{BatchRecords: 100})
		for i := range 1000 {
			p.Logger().Info("x", "n", i)
		}
		row := delivers(t, p, time.Hour)
		batches := p.Metrics()[0].Attempts[fapilog.ResultDelivered]
		if got := requests.Load(); row.Delivered != 1000 || row.Failures == 0 || uint64(got) != 3*batches {
			t.Errorf("%d requests for %d batches, want three for each; %+v", got, batches, row)
		}
		wantOnce(t, server.Documents(), 1000, -1)
	})
}

// discard is a ResponseWriter to nobody.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func TestRetryAfterIsKeptAndTheCircuitStaysClosed(t *testing.T) {
	tests := []struct {
		header      string
		body        string
		status      int
		least, most time.Duration
	}{
		{"30", "", 429, 30 * time.Second, 36 * time.Second},
		{"30", itemsOf(429), 200, 30 * time.Second, 36 * time.Second},
		{"86400", "", 429, 5 * time.Minute, 6 * time.Minute},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.header, test.status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := new(estest.Server)
				var at []time.Time
				s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					at = append(at, time.Now())
					if len(at) > 10 {
						server.ServeHTTP(w, r)
						return
					}
					w.Header().Set("Retry-After", test.header)
					answer(test.status, test.body)(w, r)
				}), nil)
				p := pipeline(t, s, fapilog.Delivery{})
				p.Logger().Info("x", "n", 0)
				row := delivers(t, p, 2*time.Hour)
				if row.Delivered != 1 || row.Circuit != breaker.Closed || len(at) != 11 {
					t.Errorf("%d attempts, %+v", len(at), row)
				}
				for i := 1; i < len(at); i++ {
					if wait := at[i].Sub(at[i-1]); wait < test.least || wait > test.most {
						t.Errorf("attempt %d came after %v, want %v to %v", i+1, wait, test.least, test.most)
					}
				}
			})
		})
	}
}

func TestTenMinutesOfOutageCostNothing(t *testing.T) {
	const outage, recovery = 10 * time.Minute, 30 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var c cluster
		server := new(estest.Server)
		s := c.sink(t, func(c *Config) { c.Hosts = sink.List{"h2"} })
		p := pipeline(t, s, fapilog.Delivery{})
		start := time.Now()
		for i := range 1200 {
			p.Logger().Info("x", "n", i)
			time.Sleep(outage / 1200)
		}
		// 5 failures open the circuit, within the first 5 backoffs; then a probe each 30 s.
		if row := p.Stats().Sinks[0]; row.Attempts > 5+uint64(outage/recovery) || row.Circuit == breaker.Closed {
			t.Errorf("%+v", row)
		}
		c.add(t, "h2:9200", server)
		row := delivers(t, p, recovery+10*time.Second+time.Second)
		if row.Delivered != 1200 || row.Circuit != breaker.Closed {
			t.Errorf("%+v after %v", row, time.Since(start))
		}
		wantOnce(t, server.Documents(), 1200, -1)
	})
}

// Lifecycle policies make the indices of earlier days read-only, and the times of
// records may come from outside.
func TestARecordOfAnEarlierDayDoesNotStopThoseOfToday(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		yesterday := time.Now().AddDate(0, 0, -1)
		const item = `{"create":{"status":403,"error":{"type":"cluster_block_exception","reason":"index [fapilog-1999.12.31] blocked by: [FORBIDDEN/8/index write (api)];"}}},`
		readOnly := []byte(yesterday.UTC().Format(`"_index":"fapilog-2006.01.02"`))
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			var items strings.Builder
			for line := range bytes.Lines(body) {
				switch {
				case bytes.Contains(line, readOnly):
					items.WriteString(item)
				case bytes.HasPrefix(line, []byte(`{"create"`)):
					items.WriteString(`{"create":{"status":201}},`)
				}
			}
			answer(200, `{"items":[`+strings.TrimSuffix(items.String(), ",")+`]}`)(w, r)
		}), func(c *Config) { c.Index = DefaultIndex })
		dir := t.TempDir()
		p := pipeline(t, s, fapilog.Delivery{Quarantine: dir, BatchRecords: 10})
		for i := range 100 {
			at := time.Now()
			if i == 3 {
				at = yesterday
			}
			_ = p.Handler().Handle(t.Context(), slog.NewRecord(at, slog.LevelInfo, "x", 0))
		}
		if row := delivers(t, p, time.Minute); row.Delivered != 99 || row.Quarantined != 1 || row.Circuit != breaker.Closed {
			t.Errorf("%+v", row)
		}
	})
}
