//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package file

import (
	"os"
	"syscall"
)

const (
	openFlags = 0

	// closeFirst: an open file cannot be renamed or removed.
	closeFirst = true

	// forSync is how a file is opened that is read and synced, which needs the right to
	// write (FlushFileBuffers).
	forSync = os.O_RDWR
)

const toWrite, toCreate, toReplace = 0, 0, 0

// access finds nothing: only an attempt tells.
func access(string, uint32) error { return nil }

// unlinked is false: a file that is open cannot be removed.
func unlinked(os.FileInfo) bool { return false }

// flock finds no locks.
func flock(syscall.Conn) (bool, error) { return false, errNoLocks }

func funlock(syscall.Conn) {}

// awaitWrites does nothing: a file is to have one writer.
func awaitWrites(syscall.Conn) error { return nil }

// syncDir does nothing: there is no such operation.
func syncDir(string) error { return nil }
