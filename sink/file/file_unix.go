//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file

import (
	"errors"
	"os"
	"syscall"
)

const (
	// openFlags make opening a FIFO that has no reader an error (ENXIO) rather than
	// a wait, opening a symbolic link one (ELOOP), and no terminal the controlling one.
	openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY | syscall.O_NOFOLLOW

	// closeFirst: an open file cannot be renamed or removed.
	closeFirst = false

	// forSync is how a file is opened that is read and synced.
	forSync = os.O_RDONLY
)

// The rights that access asks for, see access(2).
const (
	toWrite   = 2
	toCreate  = 2 | 1
	toReplace = 4 | 2 | 1
)

// access reports whether the user has these rights on a file or directory.
func access(path string, rights uint32) error { return syscall.Access(path, rights) }

// unlinked reports whether no name leads to the file any more.
func unlinked(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}

// flock takes the lock of an open file, without waiting, or reports that somebody else
// has it. It belongs to the open file, not to the process: two sinks of one process
// exclude each other too. A file system without locks answers errNoLocks.
func flock(f syscall.Conn) (taken bool, err error) {
	err = control(f, func(fd int) error { return syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) })
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	// EBADF: NFS wants the file open for writing.
	case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.EOPNOTSUPP),
		errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EBADF):
		return false, errNoLocks
	}
	return err == nil, err
}

// funlock gives the lock back. Closing the file does as well.
func funlock(f syscall.Conn) {
	_ = control(f, func(fd int) error { return syscall.Flock(fd, syscall.LOCK_UN) })
}

// awaitWrites returns when no write(2) to the file is under way that was when it was
// called. While one is, the file grows bit by bit, and Linux has the inode locked; chown
// takes the same lock, and with -1 and -1 changes neither owner nor group, nor does it
// need to be the owner's.
func awaitWrites(f syscall.Conn) error {
	return control(f, func(fd int) error { return syscall.Fchown(fd, -1, -1) })
}

func control(f syscall.Conn, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := conn.Control(func(fd uintptr) {
		for {
			if err = call(int(fd)); err != syscall.EINTR {
				return
			}
		}
	})
	return errors.Join(failed, err)
}

// syncDir makes names that were made, changed or removed in a directory permanent. A
// file system that cannot, says so with EINVAL or ENOTSUP, and needs it no more than
// others do.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}
