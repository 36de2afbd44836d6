package loki

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/bits"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
)

// pipeline returns one that has the server as its only sink, named loki.
func (f *fakeLoki) pipeline(d fapilog.Delivery, change func(*Config)) *fapilog.Pipeline {
	f.t.Helper()
	s, err := New(f.config(change))
	if err != nil {
		f.t.Fatal(err)
	}
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "loki", Sink: s, Delivery: d}},
		Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			f.t.Error(err)
		}
	})
	return p
}

// number logs records {"n":first}, {"n":first+1} and so on, with their own times.
func number(t testing.TB, p *fapilog.Pipeline, first, n int, when func(n int) time.Time) {
	t.Helper()
	for i := first; i < first+n; i++ {
		r := slog.NewRecord(when(i), slog.LevelInfo, "x", 0)
		r.AddAttrs(slog.Int("n", i))
		if err := p.Handler().Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// apart returns times a nanosecond apart.
func apart() func(int) time.Time {
	start := time.Now()
	return func(n int) time.Time { return start.Add(time.Duration(n)) }
}

func flush(t testing.TB, p *fapilog.Pipeline, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// arrived checks that these numbers are there, each once, and each stream in order.
func (f *fakeLoki) arrived(n int, missing ...int) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	there := make(map[int]bool)
	for labels, entries := range f.streams {
		last := -1
		for _, e := range entries {
			var record struct{ N int }
			if err := json.Unmarshal([]byte(e.line), &record); err != nil {
				f.t.Fatal(err)
			}
			if record.N <= last {
				f.t.Errorf("%d stands behind %d in %s", record.N, last, labels)
			}
			last = record.N
			there[record.N] = true
		}
	}
	for _, m := range missing {
		if there[m] {
			f.t.Errorf("%d is there", m)
		}
	}
	if len(there) != n-len(missing) {
		f.t.Errorf("%d records are there, want %d", len(there), n-len(missing))
	}
}

func row(t testing.TB, p *fapilog.Pipeline) fapilog.SinkStats {
	t.Helper()
	s := p.Stats().Sinks[0]
	dropped := uint64(0)
	for _, n := range s.Dropped {
		dropped += n
	}
	if sum := s.Filtered + s.Delivered + s.Diverted + s.Quarantined + dropped + s.Pending; s.Appended != sum {
		t.Errorf("%d records are appended, and %d accounted for: %+v", s.Appended, sum, s)
	}
	return s
}

// Loki has stored the good part of each request that it refused.
func TestOneBadRecordAmongManyIsFoundAndNothingIsThereTwice(t *testing.T) {
	const bad = 11_803
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.maxAge = 7 * 24 * time.Hour
		quarantine := t.TempDir()
		p := server.pipeline(fapilog.Delivery{Quarantine: quarantine}, func(c *Config) { c.Gzip, c.GzipLevel = true, 1 })
		when := apart()
		for first := 0; first < many; first += 10_000 { // as much as the journal holds for sure
			number(t, p, first, 10_000, func(n int) time.Time {
				if n == bad {
					return time.Now().Add(-8 * 24 * time.Hour)
				}
				return when(n)
			})
			flush(t, p, time.Minute)
		}
		server.arrived(many, bad)
		s := row(t, p)
		if s.Delivered != many-1 || s.Quarantined != 1 || s.Circuit != breaker.Closed {
			t.Errorf("%+v", s)
		}
		if extra, most := len(server.pushes())-many/1000, 2*bits.Len(1000)+4; extra > most {
			t.Errorf("%d requests more than batches, want at most %d", extra, most)
		}
		if server.twice >= 2*1000 { // all of the batch, then half of it, and so on
			t.Errorf("%d records were sent that were there already; a batch has 1000", server.twice)
		}
		text := readAll(t, quarantine)
		for _, want := range []string{fmt.Sprintf(`"record":{"time":"1999-12-24T00:00:00Z","level":"INFO","msg":"x","n":%d}`, bad), "timestamp too old: "} {
			if !strings.Contains(text, want) {
				t.Errorf("the quarantine has %s\nwithout %s", text, want)
			}
		}
		if n := strings.Count(text, "\n"); n != 1 {
			t.Errorf("%d records are quarantined, want 1: %s", n, text)
		}
	})
}

// readAll returns what all files in dir hold.
func readAll(t testing.TB, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func TestBadRecordsInSeveralStreamsAreFound(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.maxLine = 300
		p := server.pipeline(fapilog.Delivery{}, func(c *Config) { c.LabelFields = []string{"n"}; c.LabelValues = 4 })
		log := p.Logger()
		var bad []int
		for n := range 500 {
			note := ""
			if n%97 == 5 {
				note = strings.Repeat("x", 300)
				bad = append(bad, n)
			}
			log.Info("x", "n", n, "note", note)
			time.Sleep(time.Nanosecond)
		}
		flush(t, p, time.Minute)
		server.arrived(500, bad...)
		if s := row(t, p); s.Delivered != uint64(500-len(bad)) || s.Dropped[fapilog.DroppedRejected] != uint64(len(bad)) {
			t.Errorf("%+v", s)
		}
	})
}

func TestALostAnswerLeavesNothingTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.set(func() { server.lose = func(n int) bool { return n%3 != 0 } })
		p := server.pipeline(fapilog.Delivery{BatchRecords: 100}, nil)
		number(t, p, 0, 500, apart())
		number(t, p, 500, 500, func(int) time.Time { return time.Time{} })
		flush(t, p, time.Hour)
		server.arrived(1000)
		if n := len(server.all()); n != 1000 || server.twice < 1000 {
			t.Errorf("%d records are there, want 1000; %d were sent again", n, server.twice)
		}
		if s := row(t, p); s.Delivered != 1000 || s.Failures == 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestTooManyRequestsAreWaitedOut(t *testing.T) {
	for name, c := range map[string]struct {
		after       string
		least, most time.Duration
	}{
		"for as long as it says": {"30", 30 * time.Second, 36 * time.Second},
		"for 5 minutes at most":  {"86400", 5 * time.Minute, 6 * time.Minute},
		"with a backoff":         {"", 0, 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *fakeLoki) {
				server.set(func() {
					server.answer = func(n int, w http.ResponseWriter) bool {
						if n > 1 {
							return false
						}
						if c.after != "" {
							w.Header().Set("Retry-After", c.after)
						}
						http.Error(w, "Ingestion rate limit exceeded for user fake", http.StatusTooManyRequests)
						return true
					}
				})
				p := server.pipeline(fapilog.Delivery{}, nil)
				number(t, p, 0, 10, apart())
				flush(t, p, time.Hour)
				server.arrived(10)
				pushes := server.pushes()
				if wait := pushes[1].at.Sub(pushes[0].at); wait < c.least || wait > c.most || len(pushes) != 2 {
					t.Errorf("%d requests, the second after %v", len(pushes), wait)
				}
				if s := row(t, p); s.Circuit != breaker.Closed || s.Failures != 1 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestFiftyThrottledAttemptsLeaveTheCircuitClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.set(func() {
			server.answer = func(n int, w http.ResponseWriter) bool {
				if n <= 50 {
					w.WriteHeader(http.StatusTooManyRequests)
				}
				return n <= 50
			}
		})
		p := server.pipeline(fapilog.Delivery{}, nil)
		number(t, p, 0, 10, apart())
		flush(t, p, time.Hour)
		server.arrived(10)
		if s := row(t, p); s.Circuit != breaker.Closed || s.Failures != 50 {
			t.Errorf("%+v", s)
		}
	})
}

// Five failures open the circuit; from then on one attempt is made each 30 s.
func TestAnOutageOf10MinutesLosesNothingAndIsLeftAlone(t *testing.T) {
	const outage = 10 * time.Minute
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		p := server.pipeline(fapilog.Delivery{}, nil)
		when := apart()
		number(t, p, 0, 100, when)
		flush(t, p, time.Minute)

		server.crash()
		for second := range int(outage / time.Second) {
			number(t, p, 100+10*second, 10, when)
			time.Sleep(time.Second)
		}
		if s := row(t, p); s.Circuit == breaker.Closed || s.Delivered != 100 {
			t.Errorf("in the outage: %+v", s)
		}
		up := time.Now()
		server.set(func() { server.down = false })
		flush(t, p, time.Hour)
		if took := time.Since(up); took > 30*time.Second+10*time.Second+time.Second {
			t.Errorf("it took %v to recover", took)
		}
		server.arrived(100 + 10*int(outage/time.Second))
		if most := 5 + int(outage/(30*time.Second)) + 1; server.refused > most {
			t.Errorf("%d connections are tried, want at most %d", server.refused, most)
		}
		if s := row(t, p); s.Circuit != breaker.Closed || s.Pending != 0 || s.Delivered != s.Appended {
			t.Errorf("after the outage: %+v", s)
		}
	})
}
