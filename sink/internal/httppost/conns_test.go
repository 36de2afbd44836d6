package httppost

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/identity/identitytest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

func TestConnectionsAreUsedAgainUntilTheirAge(t *testing.T) {
	for _, test := range []struct {
		name  string
		age   time.Duration
		dials []int32 // after a request at 0 s, 59 s, 60 s, 119 s, 120 s
	}{
		{"by default a minute", 0, []int32{1, 1, 2, 2, 3}},
		{"as configured", time.Second, []int32{1, 2, 3, 4, 5}},
		{"without limit", -1, []int32{1, 1, 1, 1, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, func(http.ResponseWriter, *http.Request) {})
				c := n.client(t, func(c *Config) { c.MaxConnAge = sink.Duration(test.age) })
				start := time.Now()
				for i, at := range []time.Duration{0, 59 * time.Second, time.Minute, 119 * time.Second, 2 * time.Minute} {
					time.Sleep(time.Until(start.Add(at)))
					mustDo(t, c, Request{Body: []byte("x")})
					if got := n.dials.Load(); got != test.dials[i] {
						t.Errorf("%d dials at %v, want %d", got, at, test.dials[i])
					}
				}
			})
		})
	}
}

// A name moves; the old address is a black hole. The attempt that meets it ends
// at its deadline, and the next one looks the name up.
func TestMovedNameIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, moved := atomic.Bool{}, atomic.Bool{}
		hole := serveRaw(t, func(c *pipe.Conn) {
			b := bufio.NewReader(c)
			for {
				r, err := http.ReadRequest(b)
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				if !old.Load() {
					io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
				}
			}
		})
		fresh := serve(t, func(http.ResponseWriter, *http.Request) {})
		c := hole.client(t, func(c *Config) {
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if moved.Load() {
					return fresh.dial(ctx, network, address)
				}
				return hole.dial(ctx, network, address)
			}
		})
		mustDo(t, c, Request{})
		moved.Store(true) // the old one still answers: the connection stays in use
		time.Sleep(59 * time.Second)
		mustDo(t, c, Request{})
		if fresh.dials.Load() != 0 {
			t.Error("the connection was not used until its age")
		}
		time.Sleep(time.Second)
		mustDo(t, c, Request{})
		if fresh.dials.Load() != 1 {
			t.Error("at its age the name was not followed")
		}

		moved.Store(false)
		time.Sleep(time.Minute)
		mustDo(t, c, Request{})
		moved.Store(true)
		old.Store(true) // and now it does not
		if _, err := attempt(t, c, Request{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the black hole: %v", err)
		}
		mustDo(t, c, Request{})
	})
}

func TestIdleConnectionThatTheServerClosedIsNoFailure(t *testing.T) {
	for _, test := range []struct {
		name string
		body int
		end  func(c *pipe.Conn)
	}{
		{"closed", 10, func(c *pipe.Conn) { c.Close() }},
		{"closed under a long body", 1 << 20, func(c *pipe.Conn) { c.Close() }},
		{"reset", 10, func(c *pipe.Conn) { c.Reset() }},
		{"reset under a long body", 1 << 20, func(c *pipe.Conn) { c.Reset() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The second request of a connection finds nobody. The server reads a part
				// of it first, or the client would have seen the end before.
				n := serveRaw(t, func(c *pipe.Conn) {
					b := bufio.NewReader(c)
					r, err := http.ReadRequest(b)
					if err != nil {
						return
					}
					io.Copy(io.Discard, r.Body)
					io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
					if _, err := b.ReadByte(); err == nil {
						test.end(c)
					}
				})
				c := n.client(t, nil)
				body := bytes.Repeat([]byte("x"), test.body)
				for i := range 4 {
					mustDo(t, c, Request{Body: body})
					if got := n.dials.Load(); got != int32(i+1) {
						t.Errorf("%d dials after %d requests", got, i+1)
					}
				}
			})
		})
	}
}

func TestWhatAServerSaysUnaskedIsNotPrinted(t *testing.T) {
	for _, test := range []struct {
		name, url, proxy string
	}{
		{"without TLS", "http://logs.example/in", ""},
		{"over TLS", "https://logs.example/in", ""},
		{"through a proxy", "http://logs.example/in", "http://proxy.example:3128"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var text bytes.Buffer // package log has a lock
				log.SetOutput(&text)
				defer log.SetOutput(os.Stderr)
				certificate := identitytest.New(t).Issue("logs.example", time.Time{})
				n := serveRaw(t, func(c *pipe.Conn) {
					var conn net.Conn = c
					if strings.HasPrefix(test.url, "https:") {
						conn = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
					}
					r, err := http.ReadRequest(bufio.NewReader(conn))
					if err != nil {
						return
					}
					io.Copy(io.Discard, r.Body)
					io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n"+r.Header.Get("Authorization"))
					time.Sleep(time.Second)
					io.WriteString(conn, "and more")
					hold(c)
				})
				c := n.client(t, func(c *Config) {
					c.URL, c.BearerToken = mustURL(t, test.url), "token"
					c.Insecure = c.URL.Scheme == "https"
				})
				if test.proxy != "" {
					throughProxy(t, c, test.proxy)
				}
				for range 3 {
					if r, err := attempt(t, c, Request{Body: []byte("x")}); err != nil || r.Status != 204 {
						t.Errorf("%v, %v", r, err)
					}
					time.Sleep(2 * time.Second)
				}
				if text.Len() > 0 {
					t.Errorf("package log says %q", text.String())
				}
			})
		})
	}
}

func TestSeveralIdleConnectionsThatTheServerClosedAreNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serveRaw(t, func(c *pipe.Conn) {
			b := bufio.NewReader(c)
			r, err := http.ReadRequest(b)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			time.Sleep(time.Second)
			io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
			b.ReadByte()
		})
		c := n.client(t, nil)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { mustDo(t, c, Request{Body: []byte("x")}) })
		}
		wg.Wait()
		mustDo(t, c, Request{Body: []byte("x")})
		if got := n.dials.Load(); got != 4 {
			t.Errorf("%d dials, want 4", got)
		}
	})
}

func TestIdleConnectionIsClosedAtItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closed time.Duration
		start := time.Now()
		n := answering(t, func(c *pipe.Conn) {
			io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
			hold(c)
			closed = time.Since(start)
		})
		c := n.client(t, func(c *Config) { c.MaxConnAge = sink.Duration(10 * time.Second) })
		mustDo(t, c, Request{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if closed != 10*time.Second {
			t.Errorf("it was closed after %v", closed)
		}
	})
}

// A dial goes on for a request that another connection has served meanwhile.
func TestCloseEndsADialThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })
		var dials, hanging atomic.Int32
		c := n.client(t, func(c *Config) {
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if dials.Add(1) == 1 {
					return n.dial(ctx, network, address)
				}
				hanging.Add(1)
				defer hanging.Add(-1)
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { mustDo(t, c, Request{}) })
		}
		wg.Wait()
		if hanging.Load() != 1 {
			t.Errorf("%d dials hang, want 1", hanging.Load())
		}
		c.Close()
		synctest.Wait()
		if hanging.Load() != 0 {
			t.Error("the dial still hangs")
		}
	})
}

// Without a limit of age nothing else ends it.
func TestDialThatHangsIsEndedAfterItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hanging atomic.Int32
		c := serve(t, nil).client(t, func(c *Config) {
			c.MaxConnAge = -1
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				hanging.Add(1)
				defer hanging.Add(-1)
				<-ctx.Done()
				return nil, ctx.Err()
			}
		})
		_, err := attempt(t, c, Request{})
		wantError(t, err, "retry", "deadline exceeded")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if hanging.Load() != 0 {
			t.Error("the dial still hangs")
		}
	})
}

func TestNewConnectionThatIsClosedIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := answering(t, func(c *pipe.Conn) {})
		c := n.client(t, nil)
		_, err := attempt(t, c, Request{Body: []byte("x"), IdempotencyKey: "k"})
		wantError(t, err, "retry", "closed before an answer")
		if n.dials.Load() != 1 {
			t.Errorf("%d dials", n.dials.Load())
		}
	})
}

// Once only: a server that closes each connection at its second request, and
// each new one as well.
func TestSecondConnectionThatIsClosedIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served atomic.Int32
		n := serveRaw(t, func(c *pipe.Conn) {
			b := bufio.NewReader(c)
			for {
				r, err := http.ReadRequest(b)
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				if served.Add(1) > 1 {
					return
				}
				io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
			}
		})
		c := n.client(t, nil)
		mustDo(t, c, Request{Body: []byte("x")})
		_, err := attempt(t, c, Request{Body: []byte("x")})
		wantError(t, err, "retry", "closed before an answer")
		if n.dials.Load() != 2 || served.Load() != 3 {
			t.Errorf("%d dials, %d requests", n.dials.Load(), served.Load())
		}
	})
}

func TestRequestWhoseAnswerHasBegunIsNotMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served atomic.Int32
		n := serveRaw(t, func(c *pipe.Conn) {
			b := bufio.NewReader(c)
			for {
				r, err := http.ReadRequest(b)
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				if served.Add(1) > 1 {
					io.WriteString(c, strings.TrimSuffix(ok, "\r\n"))
					return
				}
				io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
			}
		})
		c := n.client(t, nil)
		mustDo(t, c, Request{Body: []byte("x")})
		_, err := attempt(t, c, Request{Body: []byte("x")})
		wantError(t, err, "retry")
		if n.dials.Load() != 1 || served.Load() != 2 {
			t.Errorf("%d dials, %d requests", n.dials.Load(), served.Load())
		}
	})
}

func TestRefusedConnectionIsARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{Listener: pipe.Listen()}
		n.Close()
		_, err := attempt(t, n.client(t, nil), Request{})
		wantError(t, err, "retry", "no answer from logs.example", "refused")
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v does not wrap its cause", err)
		}
	})
}

func TestDialThatHangsEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialling sync.WaitGroup
		hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
			dialling.Add(1)
			defer dialling.Done()
			<-ctx.Done()
			return nil, ctx.Err()
		}
		n := &network{Listener: pipe.Listen()}
		c := n.client(t, func(c *Config) { c.Dial = hang })
		_, err := attempt(t, c, Request{})
		wantError(t, err, "retry", "deadline exceeded")
		c.Close()
		dialling.Wait()
	})
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	for _, test := range []struct {
		name string
		dial func(n *network) func(context.Context, string, string) (net.Conn, error)
	}{
		{"a request", func(n *network) func(context.Context, string, string) (net.Conn, error) { return n.dial }},
		{"a dial", func(*network) func(context.Context, string, string) (net.Conn, error) {
			return func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
		}},
		{"a dial that succeeds nevertheless", func(n *network) func(context.Context, string, string) (net.Conn, error) {
			return func(ctx context.Context, network, address string) (net.Conn, error) {
				<-ctx.Done()
				return n.dial(context.Background(), network, address)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := answering(t, hold) // its goroutines end when their connections do
				c := n.client(t, func(c *Config) { c.Dial = test.dial(n) })
				start := time.Now()
				time.AfterFunc(time.Second, c.Close)
				_, err := attempt(t, c, Request{Body: []byte("x")})
				if !errors.Is(err, os.ErrClosed) || time.Since(start) != time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}

// The bubble ends only when every goroutine of client and server has.
func TestNothingIsLeftAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serveRaw(t, func(c *pipe.Conn) {
			b := bufio.NewReader(c)
			for {
				r, err := http.ReadRequest(b)
				if err != nil {
					return // the client has closed
				}
				io.Copy(io.Discard, r.Body)
				time.Sleep(time.Second)
				io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
			}
		})
		c := n.client(t, nil)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { mustDo(t, c, Request{Body: []byte("x")}) })
		}
		wg.Wait()
		if n.dials.Load() != 8 {
			t.Errorf("%d connections for 8 requests at once", n.dials.Load())
		}
		for range 8 {
			wg.Go(func() { mustDo(t, c, Request{Body: []byte("x")}) })
		}
		wg.Wait()
		if n.dials.Load() != 8 {
			t.Errorf("%d connections after 8 more", n.dials.Load())
		}
		c.Close()
	})
}

// An old connection that is in use when the age is reached is closed after.
func TestConnectionInUseAtItsAgeIsClosedAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		n := serveRaw(t, func(c *pipe.Conn) {
			open.Add(1)
			defer open.Add(-1)
			b := bufio.NewReader(c)
			for {
				r, err := http.ReadRequest(b)
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				time.Sleep(5 * time.Second)
				io.WriteString(c, ok+"Content-Length: 0\r\n\r\n")
			}
		})
		c := n.client(t, func(c *Config) { c.MaxConnAge = sink.Duration(2 * time.Second) })
		var wg sync.WaitGroup
		wg.Go(func() { mustDo(t, c, Request{}) })
		time.Sleep(3 * time.Second)
		wg.Go(func() { mustDo(t, c, Request{}) })
		synctest.Wait()
		if open.Load() != 2 {
			t.Errorf("%d connections, want 2", open.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if open.Load() != 1 {
			t.Errorf("%d connections, want 1: the old one is done", open.Load())
		}
		wg.Wait()
	})
}
