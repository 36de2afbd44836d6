package http_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/bits"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	httpsink "github.com/fapilog/fapilog/sink/http"
)

// store is a server that keeps the number of each record, in order of arrival.
type store struct {
	t        *testing.T
	requests int
	seen     []int
}

// take keeps the records of a body that has none that is refused.
func (s *store) take(body []byte, refused func(line []byte) bool) bool {
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	for _, line := range lines {
		if refused != nil && refused(line) {
			return false
		}
	}
	for _, line := range lines {
		var record struct {
			N int `json:"n"`
		}
		if err := json.Unmarshal(line, &record); err != nil {
			s.t.Errorf("%q: %v", line, err)
		}
		s.seen = append(s.seen, record.N)
	}
	return true
}

// pipeline returns one with the sink as its only route, "api".
func pipeline(t *testing.T, c httpsink.Config, d fapilog.Delivery) *fapilog.Pipeline {
	t.Helper()
	s, err := httpsink.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := fapilog.New(t.Context(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "api", Sink: s, Delivery: d}},
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

func flush(t *testing.T, p *fapilog.Pipeline, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// inOrder expects the numbers from 1 to n but one.
func inOrder(t *testing.T, got []int, n, without int) {
	t.Helper()
	at := 0
	for want := 1; want <= n; want++ {
		if want == without {
			continue
		}
		if at >= len(got) || got[at] != want {
			t.Fatalf("%d records, and number %d is not %d", len(got), at+1, want)
		}
		at++
	}
	if at != len(got) {
		t.Errorf("%d records, want %d", len(got), at)
	}
}

func TestParametersOfTheSinkAndOfDeliveryGoTogether(t *testing.T) {
	p, err := fapilog.New(t.Context(), fapilog.Config{
		Routes: []fapilog.Route{{URI: "https://user:pass@h/in?gzip=true&max-conn-age=10s&level=warn&breaker-failures=3&timeout=5s"}}, Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOneBadRecordAmongManyIsQuarantinedAlone(t *testing.T) {
	const n, bad = 100_000, 47_111
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &store{t: t}
		l := serve(t, func(w http.ResponseWriter, r *http.Request) {
			s.requests++
			body, _ := io.ReadAll(r.Body)
			if !s.take(body, func(line []byte) bool { return bytes.Contains(line, []byte(`"poison"`)) }) {
				http.Error(w, "field msg: no poison", http.StatusUnprocessableEntity)
			}
		})
		p := pipeline(t, configFor(l), fapilog.Delivery{Quarantine: dir, OnFull: fapilog.Block, BlockTimeout: fapilog.Forever})
		log := p.Logger()
		for i := 1; i <= n; i++ {
			msg := "hello"
			if i == bad {
				msg = "poison"
			}
			log.Info(msg, "n", i)
		}
		flush(t, p, time.Hour)
		inOrder(t, s.seen, n, bad)
		row := p.Stats().Sinks[0]
		if row.Delivered != n-1 || row.Quarantined != 1 || row.Circuit != breaker.Closed {
			t.Errorf("%+v", row)
		}
		if extra, most := s.requests-n/1000, 2*bits.Len(1000)+4; extra > most {
			t.Errorf("%d requests beyond one a batch, want at most %d", extra, most)
		}
	})
	kept, err := os.ReadFile(filepath.Join(dir, "api.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"422 Unprocessable Entity: field msg: no poison", `"n":` + strconv.Itoa(bad)} {
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
		{"429 with a date", 429, func(now time.Time) string { return now.Add(40 * time.Second).UTC().Format(http.TimeFormat) }, 40 * time.Second},
		{"a wait without measure", 429, func(time.Time) string { return "99999999999999999999" }, 5 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &store{t: t}
				var refused, taken time.Time
				l := serve(t, func(w http.ResponseWriter, r *http.Request) {
					s.requests++
					if s.requests == 1 {
						refused = time.Now()
						w.Header().Set("Retry-After", test.value(refused))
						w.WriteHeader(test.status)
						return
					}
					taken = time.Now()
					body, _ := io.ReadAll(r.Body)
					s.take(body, nil)
				})
				p := pipeline(t, configFor(l), fapilog.Delivery{})
				p.Logger().Info("x", "n", 1)
				flush(t, p, time.Hour)
				if wait := taken.Sub(refused); s.requests != 2 || wait < test.least || wait > test.least*6/5 {
					t.Errorf("the second of %d requests came after %v", s.requests, wait)
				}
			})
		})
	}
}

func TestThrottlingLeavesTheCircuitClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{t: t}
		l := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if s.requests++; s.requests <= 20 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			body, _ := io.ReadAll(r.Body)
			s.take(body, nil)
		})
		p := pipeline(t, configFor(l), fapilog.Delivery{})
		p.Logger().Info("x", "n", 1)
		flush(t, p, time.Hour)
		if row := p.Stats().Sinks[0]; row.Circuit != breaker.Closed || row.Delivered != 1 || row.Attempts != 21 {
			t.Errorf("%+v", row)
		}
	})
}

func TestTenMinutesOfOutage(t *testing.T) {
	const n = 600
	synctest.Test(t, func(t *testing.T) {
		s := &store{t: t}
		l := serve(t, func(w http.ResponseWriter, r *http.Request) {
			s.requests++
			body, _ := io.ReadAll(r.Body)
			s.take(body, nil)
		})
		var down atomic.Bool
		var refused atomic.Int32
		c := configFor(l)
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if down.Load() {
				refused.Add(1)
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			return l.Dial(ctx, network, address)
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
		flush(t, p, time.Hour)
		if took := time.Since(start); took > 41*time.Second { // breaker recovery + timeout + 1 s
			t.Errorf("it took %v to recover", took)
		}
		inOrder(t, s.seen, n, 0)
		if row := p.Stats().Sinks[0]; row.Delivered != n || row.Circuit != breaker.Closed {
			t.Errorf("%+v", row)
		}
	})
}

func TestLostAnswerIsRecognisedByItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{t: t}
		keys := map[string]bool{}
		l := serve(t, func(w http.ResponseWriter, r *http.Request) {
			s.requests++
			body, _ := io.ReadAll(r.Body)
			if key := r.Header.Get("Idempotency-Key"); !keys[key] {
				keys[key] = true
				s.take(body, nil)
			}
			if s.requests%2 == 1 {
				panic(http.ErrAbortHandler) // stored, and nobody hears of it
			}
		})
		p := pipeline(t, configFor(l), fapilog.Delivery{BatchRecords: 10})
		log := p.Logger()
		for i := 1; i <= 100; i++ {
			log.Info("x", "n", i)
		}
		flush(t, p, time.Hour)
		inOrder(t, s.seen, 100, 0)
		if 2*len(keys) != s.requests {
			t.Errorf("%d keys in %d requests, want one for each batch, which takes two", len(keys), s.requests)
		}
	})
}

// The first attempt outlives its timeout, and the second meets it.
func TestKeyOfARequestThatIsStillUnderWayIsTriedAgain(t *testing.T) {
	for _, n := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			s := &store{t: t}
			var mu sync.Mutex
			stored := map[string]bool{} // false: under way
			l := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				key := r.Header.Get("Idempotency-Key")
				mu.Lock()
				defer mu.Unlock()
				if done, known := stored[key]; known {
					if !done {
						w.WriteHeader(http.StatusConflict)
					}
					return
				}
				stored[key] = false
				mu.Unlock()
				time.Sleep(15 * time.Second)
				mu.Lock()
				s.take(body, nil)
				stored[key] = true
			})
			p := pipeline(t, configFor(l), fapilog.Delivery{Timeout: 10 * time.Second, Quarantine: t.TempDir()})
			log := p.Logger()
			for i := 1; i <= n; i++ {
				log.Info("x", "n", i)
			}
			flush(t, p, time.Hour)
			inOrder(t, s.seen, n, 0)
			if row := p.Stats().Sinks[0]; row.Delivered != uint64(n) || row.Quarantined != 0 {
				t.Errorf("%d delivered, %d quarantined", row.Delivered, row.Quarantined)
			}
		})
	}
}
