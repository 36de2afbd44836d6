package syslog

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/internal/identity/identitytest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// listen returns a listener of the system.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("SKIPPED: no TCP on the loopback interface: ", err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// halting is a connection that writes the first half, and the rest when the server has
// gone.
type halting struct {
	*net.TCPConn
	gone chan struct{}
}

func (h halting) Write(p []byte) (int, error) {
	n, err := h.TCPConn.Write(p[:len(p)/2])
	if err != nil {
		return n, err
	}
	<-h.gone
	m, err := h.TCPConn.Write(p[n:])
	return n + m, err
}

func TestARealServerThatEndsBeforeItHasReadEverythingConfirmsNothing(t *testing.T) {
	listener := listen(t)
	texts := numbered(0, 1200, 8000) // more than a connection's buffers
	size := 0
	for _, text := range texts {
		size += len("8017 <14>1 - web-1 api 4711 - - ") + len(text)
	}
	for _, test := range []struct {
		name    string
		read    int // bytes
		halt    bool
		verdict string
	}{
		{"nothing is read", 0, false, "retry"},
		{"a part is read", 1 << 20, false, "retry"},
		{"all that has come is read", size/2 - 10_000, true, "retry"},
		{"everything is read", 2 * size, false, "delivered"},
	} {
		t.Run(test.name, func(t *testing.T) {
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				c, err := listener.Accept()
				if err != nil {
					return
				}
				io.CopyN(io.Discard, c, int64(test.read))
				c.Close()
			}()
			s, err := New(*testConfig(func(c *Config) {
				c.Confirm = Close
				c.Dial = func(context.Context, string, string) (net.Conn, error) {
					conn, err := net.Dial("tcp", listener.Addr().String())
					if test.halt && err == nil {
						return halting{conn.(*net.TCPConn), gone}, nil
					}
					return conn, err
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			// Without the deadline of write: these are megabytes over a real connection.
			if err := s.Write(t.Context(), batchOf(texts)); verdict(err) != test.verdict {
				t.Errorf("%s: %v", verdict(err), err)
			}
			<-gone
		})
	}
}

func TestTheEndOfTLSAloneConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := &tls.Config{Certificates: []tls.Certificate{identitytest.New(t).Issue("logs", time.Time{})}}
		server := serve(t, func(s *server) {
			s.handle = func(_ int, c net.Conn) bool {
				conn := tls.Server(c, config)
				conn.Read(make([]byte, 100))
				time.Sleep(time.Second)
				conn.CloseWrite()
				time.Sleep(time.Second)
				c.(*pipe.Conn).Reset()
				return false
			}
		})
		s := server.client(func(c *Config) { c.Transport, c.Insecure, c.Confirm = TLS, true, Close })
		if err := write(t, s, numbered(0, 40, 1000)...); verdict(err) != "retry" {
			t.Errorf("%s: %v", verdict(err), err)
		}
	})
}
