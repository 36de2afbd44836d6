package httppost

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// seen is a request as the server has it.
type seen struct {
	method, uri, host string
	header            http.Header
	body              []byte
	length            int64
}

// recording returns a handler that answers 200 and keeps what it is asked.
func recording(requests *[]seen) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*requests = append(*requests, seen{r.Method, r.RequestURI, r.Host, r.Header, body, r.ContentLength})
	}
}

func TestRequestIsWhatWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []seen
		n := serve(t, recording(&requests))
		c := n.client(t, func(c *Config) {
			c.URL = mustURL(t, "http://logs.example:3100/in%2Fto")
			c.Query = "a=1&b=%202"
			c.AddHeader("x-tenant", `a, b\`)
			c.AddHeader("Content-Type", "text/x-log")
		})
		mustDo(t, c, Request{
			Method: "PUT", Path: "/deep%20er", Query: url.Values{"c": {"3 4"}}, Body: []byte("hello"), ContentType: "text/plain",
			Header: http.Header{"X-Tenant": {"sink"}, "X-Sink": {"s"}}, IdempotencyKey: "k1",
		})
		mustDo(t, c, Request{Method: "GET"})
		mustDo(t, c, Request{Path: "/ready", Root: true})
		r := requests[0]
		if r.method != "PUT" || r.uri != "/in%2Fto/deep%20er?a=1&b=%202&c=3+4" || r.host != "logs.example:3100" || string(r.body) != "hello" || r.length != 5 {
			t.Errorf("the request is %s %s to %s: %q", r.method, r.uri, r.host, r.body)
		}
		for name, want := range map[string]string{
			"X-Tenant": `a, b\`, "X-Sink": "s", "Content-Type": "text/x-log", "Idempotency-Key": "k1", "Content-Encoding": "", "Authorization": "",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if agent := r.header.Get("User-Agent"); !strings.HasPrefix(agent, "fapilog") || !strings.HasSuffix(agent, " (test)") {
			t.Errorf("User-Agent is %q", agent)
		}
		r = requests[1]
		if uri := requests[2].uri; uri != "/ready?a=1&b=%202" {
			t.Errorf("from the root it is %s", uri)
		}
		if r.method != "GET" || r.uri != "/in%2Fto?a=1&b=%202" || len(r.body) != 0 || len(r.header["Idempotency-Key"]) > 0 {
			t.Errorf("the second request is %s %s: %v", r.method, r.uri, r.header)
		}
	})
}

func TestHostHeaderIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []seen
		c := serve(t, recording(&requests)).client(t, func(c *Config) { c.Headers = "Host: inner.example" })
		mustDo(t, c, Request{})
		if requests[0].host != "inner.example" {
			t.Errorf("the host is %q", requests[0].host)
		}
	})
}

func TestURLOfTheCallerMayBeChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []seen
		var u *url.URL
		c := serve(t, recording(&requests)).client(t, func(c *Config) { u = c.URL })
		u.Path = "/other"
		mustDo(t, c, Request{})
		if requests[0].uri != "/in" {
			t.Errorf("the path is %q", requests[0].uri)
		}
	})
}

func TestBodiesAreCompressedFromTheMinimumOn(t *testing.T) {
	text := bytes.Repeat([]byte(`{"msg":"hello"}`), 100)
	for _, test := range []struct {
		name   string
		change func(*Config)
		body   []byte
		raw    bool
		gzip   bool
	}{
		{"off", func(c *Config) {}, text, false, false},
		{"on", func(c *Config) { c.Gzip = true }, text, false, true},
		{"fast", func(c *Config) { c.Gzip, c.GzipLevel = true, 1 }, text, false, true},
		{"a request that is raw", func(c *Config) { c.Gzip = true }, text, true, false},
		{"just the minimum", func(c *Config) { c.Gzip = true }, text[:1024], false, true},
		{"below the minimum", func(c *Config) { c.Gzip = true }, text[:1023], false, false},
		{"another minimum", func(c *Config) { c.Gzip, c.GzipMin = true, 10 }, text[:10], false, true},
		{"no minimum", func(c *Config) { c.Gzip, c.GzipMin = true, -1 }, text[:1], false, true},
		{"nothing to compress", func(c *Config) { c.Gzip, c.GzipMin = true, -1 }, nil, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var requests []seen
				c := serve(t, recording(&requests)).client(t, test.change)
				var signed []byte
				sign := func(body []byte, h http.Header) {
					signed = bytes.Clone(body)
					h.Set("X-Signature", "yes")
				}
				for range 2 { // the second with a compressor that was used
					mustDo(t, c, Request{Body: test.body, Raw: test.raw, Sign: sign})
				}
				for _, r := range requests {
					got := r.body
					if (r.header.Get("Content-Encoding") == "gzip") != test.gzip || !bytes.Equal(signed, got) || r.header.Get("X-Signature") != "yes" {
						t.Fatalf("%d bytes with %v, %d of them signed", len(got), r.header, len(signed))
					}
					if test.gzip {
						got = gunzip(t, got)
					}
					if !bytes.Equal(got, test.body) || r.length != int64(len(r.body)) {
						t.Errorf("%d bytes arrive, %d said, want %d", len(got), r.length, len(test.body))
					}
				}
			})
		})
	}
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// onlyX reads to the end and expects nothing of what overwrites the body later.
func onlyX(t *testing.T, c *pipe.Conn) {
	rest, _ := io.ReadAll(c)
	if i := bytes.IndexByte(rest, 'y'); i >= 0 {
		t.Errorf("byte %d is of after Do's return", i)
	}
}

func TestBodyIsNotReadAfterDoHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := serveRaw(t, func(c *pipe.Conn) {
			time.Sleep(time.Minute)
			onlyX(t, c)
		})
		c := stuck.client(t, nil)
		body := bytes.Repeat([]byte("x"), 4<<20) // more than any buffer
		_, err := attempt(t, c, Request{Body: body})
		wantError(t, err, "retry", "logs.example", context.DeadlineExceeded.Error())
		for i := range body {
			body[i] = 'y'
		}
	})
}

func TestAnswerBeforeTheBodyIsReadCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}).client(t, nil)
		body := bytes.Repeat([]byte("x"), 200<<10)
		response, err := attempt(t, c, Request{Body: body})
		if err != nil || response.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%v, %v", response, err)
		}
		for i := range body {
			body[i] = 'y'
		}
	})
}

// A server that answers before it has read everything, and reads on.
func TestBodyIsNotReadAfterAnEarlyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serveRaw(t, func(c *pipe.Conn) {
			c.Read(make([]byte, 1))
			io.WriteString(c, "HTTP/1.1 413 Large\r\nContent-Length: 5\r\n\r\nlarge")
			time.Sleep(10 * time.Millisecond)
			onlyX(t, c)
		}).client(t, nil)
		body := bytes.Repeat([]byte("x"), 4<<20)
		response, err := attempt(t, c, Request{Body: body})
		if err != nil || response.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%v, %v", response, err)
		}
		for i := range body {
			body[i] = 'y'
		}
		time.Sleep(time.Second)
	})
}

func TestClosedClientMakesNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, func(http.ResponseWriter, *http.Request) {})
		c := n.client(t, nil)
		c.Close()
		if _, err := attempt(t, c, Request{}); !errors.Is(err, os.ErrClosed) || n.dials.Load() != 0 {
			t.Errorf("%v after %d dials", err, n.dials.Load())
		}
		c.Close()
	})
}
