package keepalive

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// server answers what say writes, on each connection as often as it is asked.
type server struct {
	t     *testing.T
	l     *pipe.Listener
	dials atomic.Int32
	http.Transport
}

func serve(t *testing.T, say func(c *pipe.Conn, r *http.Request)) *server {
	s := &server{t: t, l: pipe.Listen()}
	s.DialContext = Dialer(s.l.Dial)
	go func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			s.dials.Add(1)
			go func() {
				defer c.Close()
				for b := bufio.NewReader(c); ; {
					r, err := http.ReadRequest(b)
					if err != nil {
						return
					}
					io.Copy(io.Discard, r.Body)
					say(c.(*pipe.Conn), r)
				}
			}()
		}
	}()
	t.Cleanup(func() {
		s.l.Close()
		s.CloseIdleConnections()
	})
	return s
}

// ask makes a request and returns the answer.
func (s *server) ask() (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	response, err := Send(ctx, &s.Transport, func(ctx context.Context) *http.Request {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://h/", strings.NewReader("x"))
		if err != nil {
			s.t.Error(err)
		}
		return r
	})
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// want asks, and wants an answer.
func (s *server) want(status int, body string) {
	s.t.Helper()
	gotStatus, gotBody, err := s.ask()
	if gotStatus != status || gotBody != body || err != nil {
		s.t.Errorf("%d, %.100q, %v; want %d, %.100q", gotStatus, gotBody, err, status, body)
	}
}

// logged is what package log prints during f.
func logged(f func()) string {
	var text bytes.Buffer // package log has a lock
	log.SetOutput(&text)
	defer log.SetOutput(os.Stderr)
	f()
	return text.String()
}

// answers are some with what comes after them.
var answers = []struct {
	name, head, body string
	status           int
}{
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", "", 204},
	{"an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200},
	{"a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nh\nllo", "h\nllo", 200},
	{"a long body", "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + strings.Repeat("0123456789", 5000), strings.Repeat("0123456789", 5000), 200},
	{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n\n\r\n0\r\n\r\n", "hello\n", 200},
	{"an interim answer", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200},
	{"lines that end without a return", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok", 200},
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for _, a := range answers {
		t.Run(a.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, func(c *pipe.Conn, _ *http.Request) { io.WriteString(c, a.head) })
				for range 5 {
					s.want(a.status, a.body)
				}
				if n := s.dials.Load(); n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

// Neither is it taken for the answer to the next request.
func TestWhatWasNotAskedForIsNotHeard(t *testing.T) {
	for _, a := range answers {
		for _, pause := range []time.Duration{0, time.Millisecond, time.Second} {
			t.Run(fmt.Sprintf("%s, %v", a.name, pause), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := serve(t, func(c *pipe.Conn, _ *http.Request) {
						const surplus = `{"token":"secret"}`
						if pause == 0 {
							io.WriteString(c, a.head+surplus)
							return
						}
						io.WriteString(c, a.head)
						time.Sleep(pause)
						io.WriteString(c, surplus)
					})
					text := logged(func() {
						for range 5 {
							s.want(a.status, a.body)
							time.Sleep(2 * time.Second)
						}
					})
					if text != "" {
						t.Errorf("package log says %q", text)
					}
					if n := s.dials.Load(); n != 5 {
						t.Errorf("%d connections, want 5", n)
					}
				})
			})
		}
	}
}

func TestSurplusCostsTheNextRequestNothing(t *testing.T) {
	for _, a := range answers {
		t.Run(a.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The second answer is one that counts, if somebody hears it.
				s := serve(t, func(c *pipe.Conn, _ *http.Request) {
					io.WriteString(c, a.head+"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
				})
				text := logged(func() {
					for range 5 {
						s.want(a.status, a.body)
					}
				})
				if text != "" {
					t.Errorf("package log says %q", text)
				}
			})
		})
	}
}

// connected returns a connection that is kept, and the server's side of it.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l := pipe.Listen()
	t.Cleanup(func() { l.Close() })
	client, err := Dialer(l.Dial)(t.Context(), "tcp", "h:80")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// A connection is given to the next request before the end of the one before is told.
func TestTurnThatEndsLateIsNotTheNextOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server := connected(t)
		first := turnOn(c)
		io.WriteString(c, "first")
		second := turnOn(c)
		io.WriteString(c, "second")
		first.end(nil)
		io.WriteString(server, "answer\n")
		if n, err := c.Read(make([]byte, 10)); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		second.end(nil)
		io.WriteString(server, "surplus\n")
		if n, err := c.Read(make([]byte, 10)); n != 0 || err != errUnasked {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// The next request has written by the time at which the surplus would be read.
func TestSurplusOfATurnIsNotTheNextOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server := connected(t)
		first := turnOn(c)
		io.WriteString(c, "first")
		io.WriteString(server, "answer\nsurplus\n")
		if n, err := c.Read(make([]byte, 10)); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		first.end(nil)
		turnOn(c)
		io.WriteString(c, "second")
		if n, err := c.Read(make([]byte, 10)); n != 0 || err != errUnasked {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestServerThatSpeaksFirstIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pipe.Listen()
		defer l.Close()
		s := &server{t: t, l: l}
		s.DialContext = Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := l.Dial(ctx, network, address)
			server, _ := l.Accept()
			io.WriteString(server, "SSH-2.0-OpenSSH\r\n")
			return c, err
		})
		var err error
		text := logged(func() { _, _, err = s.ask() })
		if err == nil || text != "" {
			t.Errorf("%v; package log says %q", err, text)
		}
	})
}

func TestConnectionsAreSharedByRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(c *pipe.Conn, _ *http.Request) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		})
		s.MaxIdleConnsPerHost = 4
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				for range 200 {
					s.want(200, "hello")
				}
			})
		}
		asking.Wait()
		if n := s.dials.Load(); n > 8 {
			t.Errorf("%d connections", n)
		}
	})
}
