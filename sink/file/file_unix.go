//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import "syscall"

// openFlags make opening a FIFO that has no reader an error (ENXIO) rather than a
// wait, and no terminal the controlling one.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY

// access reports whether the file can be written, or files made in the directory.
func access(path string, dir bool) error {
	const executable, writable = 1, 2 // access(2)
	if dir {
		return syscall.Access(path, writable|executable)
	}
	return syscall.Access(path, writable)
}
