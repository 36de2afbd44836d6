package syslog

import (
	"net"
	"syscall"
	"unsafe"
)

// unacknowledged returns how many bytes the other side's system has not acknowledged:
// tcp(7), SIOCOUTQ, which is TIOCOUTQ. 0 if that is not known.
func unacknowledged(c net.Conn) int {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	var n int32
	err = raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
			n = 0
		}
	})
	if err != nil {
		return 0
	}
	return int(n)
}
