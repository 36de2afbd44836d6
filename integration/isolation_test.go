package integration

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
)

// receiver is a healthy server for the http sink. It notes which records came, and how
// long each took from the call that logged it.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	times map[int]int // by record
	took  []time.Duration
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{times: make(map[int]int)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range bytes.Lines(body) {
		r.times[int(number(line, `"n":`))]++
		r.took = append(r.took, now.Sub(time.Unix(0, number(line, `"at":`))))
	}
}

// number returns the number behind a key.
func number(line []byte, key string) int64 {
	_, rest, _ := bytes.Cut(line, []byte(key))
	n, _ := strconv.ParseInt(string(rest[:max(0, bytes.IndexAny(rest, ",}"))]), 10, 64)
	return n
}

// missing returns how many of the first n records did not come exactly once.
func (r *receiver) missing(n int) (missing int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range n {
		if r.times[i] != 1 {
			missing++
		}
	}
	return missing
}

// sick are the ways in which the eighth server fails: each returns its address.
var sick = map[string]func(t *testing.T) string{
	"hung": func(t *testing.T) string {
		return accept(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	},
	"slow-loris": func(t *testing.T) string {
		return accept(t, func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for {
				for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n") {
					if _, err := c.Write([]byte{b}); err != nil {
						return // the sink has given up
					}
					time.Sleep(time.Second)
				}
			}
		})
	},
	"answering 500": func(t *testing.T) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	},
	"dead": freeAddress,
}

// accept accepts connections at the address that it returns.
func accept(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // it is closed
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// pace is what an arm of the comparison has measured.
type pace struct{ delivery, calls []time.Duration }

func (p pace) String() string {
	return fmt.Sprintf("delivery p50 %v, p99 %v; calls p50 %v, p99 %v, p99.9 %v",
		quantile(p.delivery, 0.5), quantile(p.delivery, 0.99),
		quantile(p.calls, 0.5), quantile(p.calls, 0.99), quantile(p.calls, 0.999))
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))].Round(100 * time.Nanosecond)
}

// arm logs n records, 2,000 a second, for seven healthy servers and one at the
// address. The healthy ones must have each record once.
func arm(t *testing.T, eighth string, n int) pace {
	t.Helper()
	var healthy []*receiver
	var routes []fapilog.Route
	for range 7 {
		r := newReceiver(t)
		healthy = append(healthy, r)
		routes = append(routes, fapilog.Route{URI: "http://canaryuser:canarypassword@" + r.Listener.Addr().String() + "/logs"})
	}
	routes = append(routes, fapilog.Route{
		URI:      "http://canaryuser:canarypassword@" + eighth + "/logs",
		Delivery: fapilog.Delivery{Timeout: 200 * time.Millisecond, Breaker: breaker.Config{Recovery: time.Second}},
	})
	var said log
	p, err := fapilog.New(t.Context(), fapilog.Config{
		Routes:      routes,
		Defaults:    fapilog.Delivery{Linger: 5 * time.Millisecond},
		Diagnostics: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	result := pace{calls: logPaced(t, p, n)}
	within(t, "the healthy servers have everything", func() error {
		for _, row := range p.Stats().Sinks[:7] {
			if row.Pending > 0 {
				return fmt.Errorf("%+v", row)
			}
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_ = p.Close(ctx) // the eighth has records left, if it is sick
	for i, r := range healthy {
		if missing, row := r.missing(n), p.Stats().Sinks[i]; missing > 0 || row.Delivered != uint64(n) || row.Failures > 0 {
			t.Errorf("of %d records %d are not once at a healthy server: %+v", n, missing, row)
		}
		result.delivery = append(result.delivery, r.took...)
	}
	noSecret(t, string(said.tail(1<<20)))
	slices.Sort(result.delivery)
	slices.Sort(result.calls)
	return result
}

// logPaced logs two records a millisecond and returns how long each call took.
func logPaced(t *testing.T, p *fapilog.Pipeline, n int) (calls []time.Duration) {
	t.Helper()
	logger, tick := p.Logger(), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range n {
		if i%2 == 0 {
			<-tick.C
		}
		begin := time.Now()
		logger.Info("request done", "n", i, "at", begin.UnixNano())
		calls = append(calls, time.Since(begin))
	}
	return calls
}

// That no record is lost is asserted. How fast it goes is printed, beside a baseline
// without a sick server: the machine has other things to do as well.
func TestOneSickServerOfEightCostsTheOthersNoRecord(t *testing.T) {
	n := max(2000, records(t)/10)
	baseline := arm(t, newReceiver(t).Listener.Addr().String(), n)
	t.Logf("%-14s %v", "none is sick:", baseline)
	for name, start := range sick {
		t.Run(name, func(t *testing.T) {
			t.Logf("%-14s %v", name+":", arm(t, start(t), n))
		})
	}
}
