package httppost

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// answering returns a server that reads a request and then does what answer does,
// on each connection once.
func answering(t *testing.T, answer func(c *pipe.Conn)) *network {
	return serveRaw(t, func(c *pipe.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		answer(c)
	})
}

// until waits for the other end to close, writing text again and again with a
// pause before each.
func until(c *pipe.Conn, text string, pause time.Duration) {
	for {
		time.Sleep(pause)
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
	}
}

// hold waits for the other end to close.
func hold(c *pipe.Conn) { io.Copy(io.Discard, c) }

const ok = "HTTP/1.1 200 OK\r\n"

func TestEveryKindOfAnswer(t *testing.T) {
	const atOnce, atDeadline = 0, 10 * time.Second
	big := 100 << 10
	for _, test := range []struct {
		name    string
		answer  func(c *pipe.Conn)
		verdict string // of the error, or of the response
		says    string // the error, or the body
		took    time.Duration
	}{
		{"nothing", hold, "retry", "deadline exceeded", atDeadline},
		{"a close", func(c *pipe.Conn) {}, "retry", "no answer from logs.example: the connection was closed before an answer", atOnce},
		{"a reset", func(c *pipe.Conn) { c.Reset() }, "retry", "reset by peer", atOnce},
		{"no HTTP", func(c *pipe.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH\r\n"); hold(c) }, "retry", "malformed HTTP", atOnce},
		{"a long line that is no HTTP", func(c *pipe.Conn) { io.WriteString(c, "HTTP/1.1\t"+strings.Repeat("x", 4000)+"\r\n"); hold(c) }, "retry", "malformed HTTP", atOnce},
		{"half a header", func(c *pipe.Conn) { io.WriteString(c, ok+"Content-Le"); c.Close() }, "retry", "malformed MIME header", atOnce},
		{"a header that hangs", func(c *pipe.Conn) { io.WriteString(c, ok+"Content-Le"); hold(c) }, "retry", "deadline exceeded", atDeadline},
		{"a header byte by byte", func(c *pipe.Conn) { io.WriteString(c, ok+"X: "); until(c, "x", time.Second) }, "retry", "deadline exceeded", atDeadline},
		{"a header without end", func(c *pipe.Conn) { io.WriteString(c, ok); until(c, "X: "+strings.Repeat("x", 1000)+"\r\n", 0) }, "retry", "exceeded 65536", atOnce},
		{"interim answers without end", func(c *pipe.Conn) { until(c, "HTTP/1.1 102 Processing\r\n\r\n", 0) }, "retry", "response headers exceeded", atOnce},
		{"a body byte by byte", func(c *pipe.Conn) {
			io.WriteString(c, ok+"Content-Length: 1000\r\n\r\n")
			until(c, "x", time.Second)
		}, "retry", "deadline exceeded", atDeadline},
		{"a body that hangs", func(c *pipe.Conn) { io.WriteString(c, ok+"Content-Length: 5\r\n\r\nabc"); hold(c) }, "retry", "deadline exceeded", atDeadline},
		{"a body that breaks off", func(c *pipe.Conn) { io.WriteString(c, ok+"Content-Length: 5\r\n\r\nabc"); c.Close() }, "retry", "the answer breaks off: unexpected EOF", atOnce},
		{"a body that is reset", func(c *pipe.Conn) {
			io.WriteString(c, ok+"Content-Length: 5\r\n\r\nabc")
			time.Sleep(time.Millisecond)
			c.Reset()
		}, "retry", "the answer breaks off", time.Millisecond},
		{"chunks that break off", func(c *pipe.Conn) { io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n5\r\nab"); c.Close() }, "retry", "breaks off", atOnce},
		{"chunks that are none", func(c *pipe.Conn) { io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\nzz\r\nab"); hold(c) }, "retry", "breaks off", atOnce},
		{"a body without end", func(c *pipe.Conn) { io.WriteString(c, ok+"\r\n"); until(c, strings.Repeat("x", 1000), 0) }, "retry", "did not end within 64KiB", atOnce},
		{"an error without end", func(c *pipe.Conn) {
			io.WriteString(c, "HTTP/1.1 400 Bad\r\n\r\n")
			until(c, strings.Repeat("x", 1000), 0)
		}, "rejected", "400 Bad Request: xx", atOnce},
		{"an error that hangs", func(c *pipe.Conn) {
			io.WriteString(c, "HTTP/1.1 429 Slow\r\nRetry-After: 9\r\nContent-Length: 5\r\n\r\nabc")
			hold(c)
		}, "throttled", "429 Too Many Requests: abc", atDeadline},
		{"an error that breaks off", func(c *pipe.Conn) {
			io.WriteString(c, "HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nabc")
			c.Close()
		}, "park", "401 Unauthorized: abc", atOnce},
		{"a change of protocols", func(c *pipe.Conn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nabc")
			hold(c)
		}, "retry", "101 Switching Protocols", atOnce},
		{"gzip", func(c *pipe.Conn) { writeGzip(c, []byte("hello")); hold(c) }, "delivered", "hello", atOnce},
		{"a bomb", func(c *pipe.Conn) { writeGzip(c, make([]byte, 8<<20)); hold(c) }, "retry", "did not end within 64KiB", atOnce},
		{"gzip that is none", func(c *pipe.Conn) {
			io.WriteString(c, ok+"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello")
			hold(c)
		}, "retry", "the answer breaks off", atOnce},
		{"just the limit", func(c *pipe.Conn) {
			fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", ok, 64<<10, strings.Repeat("x", 64<<10))
			hold(c)
		}, "delivered", "xx", atOnce},
		{"over the limit", func(c *pipe.Conn) {
			fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", ok, big, strings.Repeat("x", big))
			hold(c)
		}, "retry", "did not end within 64KiB", atOnce},
		{"no content", func(c *pipe.Conn) { io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n"); hold(c) }, "delivered", "", atOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := answering(t, test.answer).client(t, nil)
				start := time.Now()
				response, err := attempt(t, c, Request{Body: []byte("hello")})
				took := time.Since(start)
				var says string
				if response != nil {
					if len(response.Body) > 64<<10 {
						t.Errorf("%d bytes are read", len(response.Body))
					}
					says = string(response.Body)
					if e := Judge(response); e != nil {
						err = e
					}
				}
				if err != nil {
					says = err.Error()
				}
				if verdictOf(err) != test.verdict || !strings.Contains(says, test.says) || took != test.took {
					t.Errorf("%s after %v: %.300q; want %s after %v: %q", verdictOf(err), took, says, test.verdict, test.took, test.says)
				}
				if err != nil && (strings.Contains(says, "\n") || len(says) > 300) {
					t.Errorf("the error has %d bytes: %q", len(says), says)
				}
				// The server returns when its connection is closed: the test would not end.
			})
		})
	}
}

func writeGzip(w io.Writer, body []byte) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body)
	z.Close()
	fmt.Fprintf(w, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", ok, b.Len())
	w.Write(b.Bytes())
}

func TestErrorThatBreaksOffSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := answering(t, func(c *pipe.Conn) { io.WriteString(c, "HTTP/1.1 400 No\r\nContent-Length: 5\r\n\r\nabc") }).client(t, nil)
		response, err := attempt(t, c, Request{})
		if err != nil || response.Status != 400 || string(response.Body) != "abc" || !response.Truncated {
			t.Errorf("%+v, %v", response, err)
		}
	})
}

func TestLimitOfAnswersCanBeRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Write(bytes.Repeat([]byte("x"), 1<<20))
		}).client(t, func(c *Config) { c.MaxResponse = 1 << 20 })
		if r := mustDo(t, c, Request{}); len(r.Body) != 1<<20 || r.Truncated {
			t.Errorf("%d bytes, truncated %t", len(r.Body), r.Truncated)
		}
	})
}

// Whatever a server sends, Do returns in time, with no more than the limit and
// with no secret in its error.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"", ok, ok + "\r\n", ok + "Content-Length: 5\r\n\r\nhello", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 401 \r\nWWW-Authenticate: canarytoken\r\n\r\n", "HTTP/1.1 307 \r\nLocation: /canarytoken\r\n\r\n", "HTTP/1.1 100 \r\n\r\n",
		ok + "Content-Encoding: gzip\r\n\r\n\x1f\x8b", "HTTP/1.1 503 \r\nRetry-After: 99999999999999999999\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		synctest.Test(t, func(t *testing.T) {
			n := answering(t, func(c *pipe.Conn) { c.Write(answer) })
			c := n.client(t, func(c *Config) {
				c.BearerToken, c.Redirects, c.MaxResponse = "canarytoken", true, 100
			})
			response, err := attempt(t, c, Request{Body: []byte("hello")})
			if (response == nil) == (err == nil) || response != nil && len(response.Body) > 100 {
				t.Errorf("%v, %v", response, err)
			}
			if err == nil {
				if e := Judge(response); e != nil {
					err = e
				}
			}
			if err != nil && strings.Contains(err.Error(), "canarytoken") && strings.Count(string(answer), "canarytoken") == 0 {
				t.Errorf("the error is %q", err)
			}
		})
	})
}
