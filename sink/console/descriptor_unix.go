//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package console

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// duplicate returns a close-on-exec duplicate of f's descriptor above those of the
// standard files. It shares the flags of f's, and changes none.
func duplicate(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd uintptr
	var errno syscall.Errno
	err = conn.Control(func(from uintptr) {
		fd, _, errno = syscall.Syscall(syscall.SYS_FCNTL, from, syscall.F_DUPFD_CLOEXEC, 3)
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("fcntl", errno)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(fd, f.Name()), nil
}

// closedIfBad says of a descriptor that is none that it is closed.
func closedIfBad(err error) error {
	if errors.Is(err, syscall.EBADF) {
		return os.ErrClosed
	}
	return err
}

func terminalOf(f *os.File) terminal {
	conn, err := f.SyscallConn()
	if err != nil {
		return terminal{}
	}
	var errno syscall.Errno
	var termios syscall.Termios
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, getTermios, uintptr(unsafe.Pointer(&termios)))
	})
	is := err == nil && errno == 0
	return terminal{is: is, colors: is}
}

// inode identifies what a descriptor is open on.
type inode struct{ dev, ino uint64 }

// identity returns a comparable value that is the same for descriptors of the same
// pipe, terminal, socket or file.
func identity(info os.FileInfo) (any, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, false
	}
	return inode{uint64(st.Dev), uint64(st.Ino)}, true
}

func isGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

func wouldBlock(err error) bool { return errors.Is(err, syscall.EAGAIN) }
