package syslog

import (
	"context"
	"net"
	"syscall"
	"testing"
)

func TestWhatIsNotAcknowledgedIsKnown(t *testing.T) {
	listener := listen(t)
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := unacknowledged(c); n != 0 {
		t.Errorf("%d bytes of none", n)
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var full error
	raw.Write(func(fd uintptr) bool { // until the buffers are full: nobody reads
		for full == nil {
			_, full = syscall.Write(int(fd), make([]byte, 1<<20))
		}
		return true
	})
	if full != syscall.EAGAIN {
		t.Fatal(full)
	}
	if n := unacknowledged(c); n == 0 {
		t.Error("everything is acknowledged that nobody reads")
	}
}

// ending is a connection that tells when its end has been written.
type ending struct {
	*net.TCPConn
	ended chan struct{} // closed when CloseWrite has returned
}

func (e ending) CloseWrite() error {
	defer close(e.ended)
	return e.TCPConn.CloseWrite()
}

// The server says that it is at its end, as if it had read everything, when most of the
// batch is still in the client's buffer.
func TestAServerThatEndsBeforeTheBatchHasComeConfirmsNothing(t *testing.T) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Skip("SKIPPED: no TCP on the loopback interface: ", err)
	}
	ended, over := make(chan struct{}), make(chan struct{})
	defer listener.Close()
	defer close(over)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		<-ended
		c.(*net.TCPConn).CloseWrite()
		<-over
	}()
	s, err := New(*testConfig(func(c *Config) {
		c.Confirm = Close
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				return nil, err
			}
			tcp := conn.(*net.TCPConn)
			return ending{tcp, ended}, tcp.SetWriteBuffer(1 << 20)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := write(t, s, numbered(0, 20, 8000)...); verdict(err) != "retry" || err == nil {
		t.Errorf("%s: %v", verdict(err), err)
	}
}
