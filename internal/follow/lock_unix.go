//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || illumos

package follow

import (
	"os"
	"syscall"
)

// tryLock locks f until it is closed, and reports false if somebody else has. It uses
// flock(2), which belongs to the open file.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch err {
		case nil:
			return true, nil
		case syscall.EWOULDBLOCK:
			return false, nil
		case syscall.EINTR:
		default:
			return false, os.NewSyscallError("flock", err)
		}
	}
}
