package syslog

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// pipeline returns one that writes to the server only. The test is to close it.
func (s *server) pipeline(change ...func(*Config)) *fapilog.Pipeline {
	s.t.Helper()
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "syslog", Sink: s.client(change...)}},
		Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func number(p *fapilog.Pipeline, first, n int) {
	for i := first; i < first+n; i++ {
		p.Logger().Info("x", "n", i)
	}
}

// closeAll closes p, which is to deliver everything, and returns its row.
func closeAll(t *testing.T, p *fapilog.Pipeline) fapilog.SinkStats {
	t.Helper()
	if err := p.Close(context.Background()); err != nil {
		t.Error(err)
	}
	row := p.Stats().Sinks[0]
	if row.Appended != row.Delivered || row.Pending != 0 {
		t.Errorf("%+v", row)
	}
	return row
}

// arrivals returns how often each number has arrived. If ordered is set, the first
// arrivals are to be in order.
func (s *server) arrivals(ordered bool) map[int]int {
	s.t.Helper()
	got, last := map[int]int{}, -1
	for _, text := range s.texts() {
		var r struct{ N int }
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			s.t.Fatal(err)
		}
		if got[r.N]++; got[r.N] == 1 {
			if ordered && r.N < last {
				s.t.Errorf("%d comes after %d", r.N, last)
			}
			last = r.N
		}
	}
	return got
}

func TestAnOutageOfTenMinutesCostsNothing(t *testing.T) {
	for name, down := range map[string]func(*pipe.Listener) (net.Conn, error){
		"nothing listens": func(*pipe.Listener) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Err: io.ErrClosedPipe} },
		"the server is hung": func(*pipe.Listener) (net.Conn, error) {
			conn, _ := pipe.Listen().Dial(context.Background(), "tcp", "hung:514")
			return conn, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *server) {
				start := time.Now()
				var attempts atomic.Int64
				p := server.pipeline(func(c *Config) {
					c.Confirm = Close
					c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						attempts.Add(1)
						if time.Since(start) < 10*time.Minute {
							return down(server.Listener)
						}
						return server.Dial(ctx, network, address)
					}
				})
				number(p, 0, 3000)
				time.Sleep(10 * time.Minute)
				if row := p.Stats().Sinks[0]; row.Circuit == breaker.Closed || row.Delivered != 0 || attempts.Load() > 5+20+1 {
					t.Errorf("%d attempts, %+v", attempts.Load(), row)
				}
				time.Sleep(30*time.Second + 10*time.Second + time.Second) // breaker-recovery, timeout, linger
				if row := p.Stats().Sinks[0]; row.Circuit != breaker.Closed || row.Delivered != 3000 {
					t.Errorf("%+v", row)
				}
				closeAll(t, p)
				if got := server.arrivals(true); len(got) != 3000 {
					t.Errorf("%d records have arrived", len(got))
				}
			})
		})
	}
}

// A server that is killed again and again, each time after a different number of
// messages, some of them not read.
func TestAServerThatIsKilledLosesNothingThatIsConfirmed(t *testing.T) {
	const n = 5000
	inBubble(t, func(t *testing.T, server *server) {
		p := server.pipeline(func(c *Config) { c.Confirm = Close })
		for first := 0; first < n; first += n / 10 {
			number(p, first, n/10)
			time.Sleep(time.Minute)
		}
		row := closeAll(t, p)
		got := server.arrivals(true)
		doubled := 0
		for _, times := range got {
			doubled += times - 1
		}
		kills := server.connections() / 3
		if len(got) != n || row.Failures == 0 {
			t.Errorf("%d of %d records have arrived after %d failures", len(got), n, row.Failures)
		}
		if most := kills * 1000; doubled == 0 || doubled > most {
			t.Errorf("%d records have arrived more than once, want at most %d batches of 1000", doubled, kills)
		}
	}, func(s *server) {
		s.handle = func(n int, c net.Conn) bool {
			if n%3 != 0 {
				return true
			}
			s.read(readFrom{c, io.LimitReader(c, int64(n*1000%50_000))})
			c.(*pipe.Conn).Reset()
			return false
		}
	})
}

// readFrom is a connection of which only r is read.
type readFrom struct {
	net.Conn
	r io.Reader
}

func (c readFrom) Read(p []byte) (int, error) { return c.r.Read(p) }

// A server that takes longer for a batch than an attempt may take.
func TestASlowServerGetsOn(t *testing.T) {
	const n = 1000
	inBubble(t, func(t *testing.T, server *server) {
		p := server.pipeline()
		number(p, 0, n)
		time.Sleep(time.Hour)
		closeAll(t, p)
		time.Sleep(time.Hour)
		// It reads what is left of one connection beside the next.
		if got := server.arrivals(false); len(got) != n {
			t.Errorf("%d records have arrived, want %d", len(got), n)
		}
	}, func(s *server) {
		s.handle = func(_ int, c net.Conn) bool {
			s.read(readFrom{c, slow{c}})
			return false
		}
	})
}

// slow gives 1 KiB a second.
type slow struct{ io.Reader }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return s.Reader.Read(p[:min(len(p), 1<<10)])
}

func TestADatagramThatTheSystemRefusesAsTooLongIsQuarantinedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, made := sockets(t, func(n int) error {
			if n == 42 {
				return syscall.EMSGSIZE
			}
			return nil
		})
		dir := t.TempDir()
		p, err := fapilog.New(t.Context(), fapilog.Config{
			Routes:      []fapilog.Route{{Name: "syslog", Sink: sink.Func(s.Write), Delivery: fapilog.Delivery{Quarantine: dir}}},
			Diagnostics: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		number(p, 0, 100)
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if row := p.Stats().Sinks[0]; row.Delivered != 99 || row.Quarantined != 1 || row.Circuit != breaker.Closed {
			t.Errorf("%+v", row)
		}
		if n := len((*made)[0].sent); n != 99 {
			t.Errorf("%d datagrams are sent", n)
		}
	})
}
