package httppost

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// network is a server in memory.
type network struct {
	*pipe.Listener
	dials atomic.Int32
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.dials.Add(1)
	return n.Listener.Dial(ctx, network, address)
}

// serve starts a server for the length of the test.
func serve(t *testing.T, handler http.HandlerFunc) *network {
	t.Helper()
	n := &network{Listener: pipe.Listen()}
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(n)
	t.Cleanup(func() { server.Close() })
	return n
}

// serveRaw starts a server that has a function for each connection. The test ends
// when all of them have returned.
func serveRaw(t *testing.T, each func(c *pipe.Conn)) *network {
	t.Helper()
	n := &network{Listener: pipe.Listen()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := n.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				each(c.(*pipe.Conn))
			})
		}
	})
	t.Cleanup(func() {
		n.Close()
		serving.Wait()
	})
	return n
}

// client returns one for http://logs.example/in, changed by change, which may be
// nil.
func (n *network) client(t *testing.T, change func(*Config)) *Client {
	t.Helper()
	config := Config{URL: mustURL(t, "http://logs.example/in"), Dial: n.dial}
	if change != nil {
		change(&config)
	}
	client, err := New(config, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Config is short for the one of every sink over HTTP.
type Config = endpoint.Config

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// attempt makes a request with a deadline of 10 s.
func attempt(t *testing.T, c *Client, r Request) (*Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	start := time.Now()
	response, err := c.Do(ctx, r)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the attempt took %v", took)
	}
	return response, err
}

// mustDo is an attempt that is answered with 200.
func mustDo(t *testing.T, c *Client, r Request) *Response {
	t.Helper()
	response, err := attempt(t, c, r)
	if err != nil {
		t.Fatal(err)
	}
	if response.Status != http.StatusOK {
		t.Fatalf("the status is %d: %s", response.Status, response.Body)
	}
	return response
}

// verdictOf returns what err means for a batch; "delivered" for nil.
func verdictOf(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &e):
		return e.Verdict.String()
	}
	return sink.Retry.String()
}

// wantError expects an error in one line that says what is wanted.
func wantError(t *testing.T, err error, verdict string, want ...string) {
	t.Helper()
	if err == nil || verdictOf(err) != verdict {
		t.Fatalf("the error is %v (%s), want %s with %q", err, verdictOf(err), verdict, want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}
