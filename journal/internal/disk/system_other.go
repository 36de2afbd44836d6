//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package disk

import (
	"errors"
	"io/fs"
)

const openFlags = 0

func owner(fs.FileInfo) (uid int, ok bool) { return 0, false }

// lock refuses: without locks there is no telling a dead life from a running one.
func lock(uintptr) (bool, error) { return false, errors.ErrUnsupported }

func unlock(uintptr) error { return nil }

func maxOpen() int { return manyFiles }
