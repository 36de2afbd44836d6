//go:build unix

package syslog

import (
	"net"
	"os"
	"syscall"
)

// pendingError returns what the system has to say about the datagrams sent so far: that
// nobody listens, say. Otherwise the next one would fail with it.
func pendingError(c net.Conn) error {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var number int
	controlErr := raw.Control(func(fd uintptr) {
		number, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
	})
	switch {
	case controlErr != nil:
		return controlErr
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case number != 0:
		return &net.OpError{Op: "write", Net: "udp", Addr: c.RemoteAddr(), Err: syscall.Errno(number)}
	}
	return nil
}
