package syslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

func TestBatchesArriveInOrderOnOneConnection(t *testing.T) {
	for _, framing := range []string{OctetCounting, LF} {
		t.Run(framing, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client(func(c *Config) { c.Framing = framing })
				var want []string
				for i := range 20 {
					texts := numbered(i*100, 100, i)
					want = append(want, texts...)
					if err := write(t, s, texts...); err != nil {
						t.Fatal(err)
					}
				}
				wantTexts(t, server, want...)
				if n := server.connections(); n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				wantTexts(t, server, want...)
				if err := write(t, s, "late"); !errors.Is(err, context.Canceled) && !errors.Is(err, errClosed) {
					t.Errorf("Write after Close: %v", err)
				}
			}, func(s *server) { s.framing = framing })
		})
	}
}

func TestBatchesThatAreWrittenAtTheSameTimeDoNotMix(t *testing.T) {
	inBubble(t, func(t *testing.T, server *server) {
		s := server.client()
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				if err := write(t, s, numbered(1000*i, 300, 500)...); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		got := server.texts()
		if len(got) != 2400 || server.torn != 0 {
			t.Fatalf("%d messages, %d torn", len(got), server.torn)
		}
		for first := 0; first < len(got); first += 300 {
			var n int
			fmt.Sscanf(got[first], `{"n":%d`, &n)
			for i, want := range numbered(n, 300, 500) {
				if got[first+i] != want {
					t.Fatalf("%.20s stands where %.20s is expected", got[first+i], want)
				}
			}
		}
	})
}

func TestAConnectionThatTheServerHasClosedIsNotWrittenTo(t *testing.T) {
	for name, end := range map[string]func(*pipe.Conn){
		"closed":      func(c *pipe.Conn) { c.Close() },
		"reset":       (*pipe.Conn).Reset,
		"half closed": func(c *pipe.Conn) { c.CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client()
				for i := range 5 {
					if err := write(t, s, fmt.Sprint(i)); err != nil {
						t.Errorf("batch %d: %v", i, err)
					}
					synctest.Wait()
					end(server.conns[i])
					synctest.Wait()
				}
				wantTexts(t, server, "0", "1", "2", "3", "4")
				if n := server.connections(); n != 5 {
					t.Errorf("%d connections, want 5", n)
				}
			})
		})
	}
}

// The stages at which a connection can break, and what becomes of the batch.
func TestABrokenConnectionIsARetryOfTheWholeBatchOnANewOne(t *testing.T) {
	texts := numbered(0, 1000, 500) // far more than a connection's buffers
	for _, test := range []struct {
		name   string
		handle func(net.Conn) // of the first connection
		takes  time.Duration
		says   string
	}{
		{"the server closes at once", func(net.Conn) {}, 0, ""},
		{"the server resets at once", func(c net.Conn) { c.(*pipe.Conn).Reset() }, 0, "connection reset"},
		{"the server resets in the middle", func(c net.Conn) {
			io.CopyN(io.Discard, c, 100_000)
			c.(*pipe.Conn).Reset()
		}, 0, "connection reset"},
		{"the server closes in the middle", func(c net.Conn) { io.CopyN(io.Discard, c, 100_000) }, 0, "broken pipe"},
		{"the server never reads", func(c net.Conn) { time.Sleep(time.Hour) }, 10 * time.Second, "takes too long"},
		{"the server stops reading", func(c net.Conn) {
			io.CopyN(io.Discard, c, 100_000)
			time.Sleep(time.Hour)
		}, 10 * time.Second, "takes too long"},
		{"the server reads slowly", func(c net.Conn) {
			for range 3600 {
				io.CopyN(io.Discard, c, 1000)
				time.Sleep(time.Second)
			}
		}, 10 * time.Second, "takes too long"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client()
				start := time.Now()
				err := write(t, s, texts...)
				if verdict(err) != "retry" || !strings.Contains(fmt.Sprint(err), test.says) || !strings.HasPrefix(fmt.Sprint(err), "syslog: ") {
					t.Errorf("the first attempt: %v", err)
				}
				if d := time.Since(start); d != test.takes {
					t.Errorf("it took %v, want %v", d, test.takes)
				}
				if err := write(t, s, texts...); err != nil {
					t.Errorf("the second attempt: %v", err)
				}
				wantTexts(t, server, texts...)
				time.Sleep(2 * time.Hour)
			}, func(s *server) {
				s.handle = func(n int, c net.Conn) bool {
					if n == 1 {
						test.handle(c)
					}
					return n > 1
				}
			})
		})
	}
}

func TestAServerThatClosesDuringABatchIsNoSuccess(t *testing.T) {
	inBubble(t, func(t *testing.T, server *server) {
		s := server.client(func(c *Config) {
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := server.Dial(ctx, network, address)
				return waiting{conn}, err
			}
		})
		if err := write(t, s, "x"); verdict(err) != "retry" || !strings.Contains(err.Error(), "closed the connection during the batch") {
			t.Error(err)
		}
	}, func(s *server) {
		s.handle = func(n int, c net.Conn) bool {
			c.Read(make([]byte, 1))
			return false
		}
	})
}

// waiting is a connection that the server has time to close in.
type waiting struct{ net.Conn }

func (w waiting) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	time.Sleep(time.Second)
	return n, err
}

func TestNothingListens(t *testing.T) {
	inBubble(t, func(t *testing.T, server *server) {
		server.Close()
		s := server.client()
		for what, err := range map[string]error{"Write": write(t, s, "x"), "Ping": s.(sink.Pinger).Ping(t.Context())} {
			if verdict(err) != "retry" || !strings.Contains(err.Error(), "syslog: dial tcp logs:514: connection refused") {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestPingConnectsAndTheConnectionIsUsed(t *testing.T) {
	inBubble(t, func(t *testing.T, server *server) {
		s := server.client()
		for range 3 {
			if err := s.(sink.Pinger).Ping(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := write(t, s, "x"); err != nil {
			t.Error(err)
		}
		wantTexts(t, server, "x")
		if n := server.connections(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	})
}

func TestWhatTheServerSendsIsReadAndIgnored(t *testing.T) {
	inBubble(t, func(t *testing.T, server *server) {
		s := server.client()
		for range 10 {
			if err := write(t, s, "x"); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if n := server.connections(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
	}, func(s *server) {
		s.handle = func(_ int, c net.Conn) bool {
			for r := bufio.NewReader(c); s.readOne(r); {
				if _, err := c.Write(make([]byte, 300_000)); err != nil {
					break
				}
			}
			return false
		}
	})
}

func TestAConnectionIsLeftAtItsAge(t *testing.T) {
	for name, test := range map[string]struct {
		age  sink.Duration
		want int
	}{"by default": {0, 3}, "as configured": {sink.Duration(time.Hour), 1}, "never": {-1, 1}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client(func(c *Config) { c.MaxConnAge = test.age })
				for range 5 {
					if err := write(t, s, "x"); err != nil {
						t.Error(err)
					}
					time.Sleep(30 * time.Second)
				}
				wantTexts(t, server, "x", "x", "x", "x", "x")
				if n := server.connections(); n != test.want || server.torn != 0 {
					t.Errorf("%d connections, want %d", n, test.want)
				}
			})
		})
	}
}

func TestWriteEndsWithItsContext(t *testing.T) {
	hung := func(s *server) { s.handle = func(int, net.Conn) bool { time.Sleep(time.Hour); return false } }
	for name, test := range map[string]struct {
		dial  bool // hangs
		close bool // Close ends it, not the context
	}{"writing": {false, false}, "dialling": {true, false}, "writing, by Close": {false, true}, "dialling, by Close": {true, true}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client(func(c *Config) {
					if test.dial {
						c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
							<-ctx.Done()
							return nil, ctx.Err()
						}
					}
				})
				start := time.Now()
				limit := 10 * time.Second
				if test.close {
					limit = 3 * time.Second
					time.AfterFunc(limit, func() { s.Close() })
				}
				var group sync.WaitGroup
				for range 2 { // the second waits for the first
					group.Go(func() {
						if err := write(t, s, numbered(0, 1000, 500)...); verdict(err) != "retry" || time.Since(start) != limit {
							t.Errorf("%v after %v", err, time.Since(start))
						}
					})
				}
				group.Wait()
				time.Sleep(2 * time.Hour)
			}, hung)
		})
	}
}

func TestConfirmWaitsUntilTheServerHasReadEverything(t *testing.T) {
	for _, test := range []struct {
		name    string
		handle  func(*server, net.Conn)
		verdict string
		takes   time.Duration
		says    string
	}{
		{"it reads and closes", func(s *server, c net.Conn) { time.Sleep(time.Second); s.read(c) }, "delivered", time.Second, ""},
		{"it is killed before it has read", func(s *server, c net.Conn) { time.Sleep(time.Second); c.(*pipe.Conn).Reset() }, "retry", time.Second, "not known"},
		{"it is killed between two messages", func(s *server, c net.Conn) { s.readOne(bufio.NewReaderSize(c, 16)); c.(*pipe.Conn).Reset() }, "retry", 0, "not known"},
		{"it does not close", func(s *server, c net.Conn) { s.read(c); time.Sleep(time.Hour) }, "retry", 10 * time.Second, "has not closed the connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				s := server.client(func(c *Config) { c.Confirm = "" })
				start := time.Now()
				err := write(t, s, numbered(0, 10, 100)...)
				if verdict(err) != test.verdict || err != nil && !strings.Contains(err.Error(), test.says) || time.Since(start) != test.takes {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				write(t, s, "again")
				if n := server.connections(); n != 2 {
					t.Errorf("%d connections, want one for each batch", n)
				}
				time.Sleep(2 * time.Hour)
			}, func(s *server) {
				s.handle = func(_ int, c net.Conn) bool { test.handle(s, c); return false }
			})
		})
	}
	t.Run("the connection cannot be half closed", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *server) {
			s := server.client(func(c *Config) {
				c.Confirm = Close
				c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := server.Dial(ctx, network, address)
					return struct{ net.Conn }{conn}, err
				}
			})
			if err := write(t, s, "x"); verdict(err) != "retry" || !strings.Contains(err.Error(), "give confirm=never") {
				t.Error(err)
			}
		})
	})
}
