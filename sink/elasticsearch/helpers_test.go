package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// noon is when test records were logged.
var noon = time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)

// record returns the n-th record of a journal.
func record(n int, obj string) sink.Record {
	return sink.Record{ID: sink.ID{Journal: [16]byte{15: 7}, Seq: uint64(n)}, Time: noon, JSON: []byte(obj)}
}

// records returns n of them.
func records(n int) (batch []sink.Record) {
	for i := range n {
		batch = append(batch, record(i, fmt.Sprintf(`{"msg":"hello","n":%d}`, i)))
	}
	return batch
}

// cluster is a network of servers by address.
type cluster struct {
	mu      sync.Mutex
	servers map[string]*pipe.Listener
	dialled []string
}

// add starts a server at an address for the length of the test, in place of what
// was there.
func (c *cluster) add(t *testing.T, address string, handler http.Handler) {
	t.Helper()
	l := pipe.Listen()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.servers == nil {
		c.servers = map[string]*pipe.Listener{}
	}
	c.servers[address] = l
}

// remove has connections to the address refused.
func (c *cluster) remove(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.servers, address)
}

func (c *cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	l := c.servers[address]
	c.dialled = append(c.dialled, address)
	c.mu.Unlock()
	if l == nil {
		l = pipe.Listen()
		l.Close()
	}
	return l.Dial(ctx, network, address)
}

// sink returns a sink for the cluster, changed by change, which may be nil.
func (c *cluster) sink(t *testing.T, change func(*Config)) *Sink {
	t.Helper()
	config := Config{Index: "logs"}
	config.URL, config.Dial = &url.URL{Scheme: "http", Host: "es:9200"}, c.dial
	if change != nil {
		change(&config)
	}
	s, err := open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// serve returns a sink whose one server is handler.
func serve(t *testing.T, handler http.Handler, change func(*Config)) *Sink {
	t.Helper()
	c := new(cluster)
	c.add(t, "es:9200", handler)
	return c.sink(t, change)
}

// write makes an attempt with a deadline of 10 s.
func write(t *testing.T, s sink.Sink, batch ...sink.Record) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return s.Write(ctx, batch)
}

// verdictOf returns what err means for a batch as a whole.
func verdictOf(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case !errors.As(err, &e):
		return sink.Retry.String()
	case len(e.Items) > 0:
		return "items"
	}
	return e.Verdict.String()
}

// wantError expects an error in one line that says what is wanted.
func wantError(t *testing.T, err error, verdict string, want ...string) {
	t.Helper()
	if verdictOf(err) != verdict {
		t.Fatalf("the error is %v (%s), want %s", err, verdictOf(err), verdict)
	}
	if err == nil {
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q does not say %q in one line", err, w)
		}
	}
}

// answer is a handler that always answers so.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// itemsOf returns an answer with an item of each status.
func itemsOf(statuses ...int) string {
	var b strings.Builder
	for i, s := range statuses {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"create":{"status":%d,"error":{"type":"t_exception","reason":"why"}}}`, s)
	}
	return `{"took":1,"errors":true,"items":[` + b.String() + `]}`
}
