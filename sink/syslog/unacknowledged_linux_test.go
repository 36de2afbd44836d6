package syslog

import (
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
