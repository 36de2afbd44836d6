package disk

import (
	"errors"
	"io/fs"
	"syscall"
	"unsafe"
)

// openFlags are none: what a symbolic link leads to is not the file that open
// saw before. (The os package makes handles that are not inherited.)
const openFlags = 0

func owner(fs.FileInfo) (uid int, ok bool) { return 0, false }

var (
	kernel32     = syscall.NewLazyDLL("kernel32.dll")
	lockFileEx   = kernel32.NewProc("LockFileEx")
	unlockFileEx = kernel32.NewProc("UnlockFileEx")
)

// See fileapi.h and winerror.h of the Windows SDK.
const (
	lockfileFailImmediately = 1
	lockfileExclusiveLock   = 2
	errorLockViolation      = syscall.Errno(33)
)

// lockedByte says which byte is locked: one far behind the file's end, since
// locks are mandatory here and the content is to be read meanwhile.
func lockedByte() *syscall.Overlapped {
	return &syscall.Overlapped{OffsetHigh: 0x7fffffff}
}

func lock(fd uintptr) (bool, error) {
	ok, _, err := lockFileEx.Call(fd, lockfileExclusiveLock|lockfileFailImmediately, 0, 1, 0,
		uintptr(unsafe.Pointer(lockedByte())))
	if ok != 0 {
		return true, nil
	}
	if errors.Is(err, errorLockViolation) {
		return false, nil
	}
	return false, err
}

func unlock(fd uintptr) error {
	ok, _, err := unlockFileEx.Call(fd, 0, 1, 0, uintptr(unsafe.Pointer(lockedByte())))
	if ok != 0 {
		return nil
	}
	return err
}

func maxOpen() int { return manyFiles }
