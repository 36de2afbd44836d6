//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import (
	"os"
	"syscall"
	"unsafe"
)

// sizeOf asks the terminal (tty_ioctl(4), TIOCGWINSZ). What is none does not answer.
func sizeOf(f *os.File) screen {
	conn, err := f.SyscallConn()
	if err != nil {
		return screen{}
	}
	var size struct{ rows, columns, width, height uint16 }
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	})
	if err != nil || errno != 0 {
		return screen{}
	}
	return screen{int(size.columns), int(size.rows)}.orUsual()
}

// inBackground reports whether w is a terminal that belongs to another group of
// processes just now (tcgetpgrp(3)).
func inBackground(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var group int32
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	})
	return err == nil && errno == 0 && int(group) != syscall.Getpgrp()
}
