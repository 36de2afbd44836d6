//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package child

import (
	"syscall"
	"unsafe"
)

// sameGroup reports whether a process is in this one's group.
func sameGroup(pid int) bool {
	group, err := syscall.Getpgid(pid)
	return err == nil && group == syscall.Getpgrp()
}

// inForeground reports whether this process is in the foreground of its terminal and
// is not the leader of the terminal's session.
func inForeground() bool {
	session, _, errno := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	if errno != 0 || int(session) == syscall.Getpid() {
		return false
	}
	terminal, err := syscall.Open("/dev/tty", syscall.O_RDONLY|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false // there is none
	}
	defer syscall.Close(terminal)
	var group int32
	_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, uintptr(terminal), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	return errno == 0 && int(group) == syscall.Getpgrp()
}
