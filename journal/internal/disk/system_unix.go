//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package disk

import (
	"errors"
	"io/fs"
	"syscall"
)

// openFlags make opening a symbolic link an error (ELOOP), and opening a FIFO
// that has no other end no wait. (The os package sets O_CLOEXEC.)
const openFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

func owner(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// lock uses flock(2), which belongs to the open file: fcntl's locks belong to the
// process, and closing any descriptor of the file ends them.
func lock(fd uintptr) (bool, error) {
	err := uninterrupted(func() error { return syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func unlock(fd uintptr) error {
	return uninterrupted(func() error { return syscall.Flock(int(fd), syscall.LOCK_UN) })
}

func maxOpen() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return manyFiles
	}
	return int(min(uint64(limit.Cur), manyFiles))
}

func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
