package child

import (
	"syscall"
	"unsafe"
)

// collect collects the status of children that end, until the child pid has ended,
// whose status it leaves for others to collect, or until there are no children.
func collect(pid int) {
	for {
		ended, err := nextEnded()
		switch {
		case err == syscall.EINTR:
		case err != nil || ended == pid:
			return
		default:
			_, _ = syscall.Wait4(ended, nil, syscall.WNOHANG, nil) // it has ended: there is nothing to wait for
		}
	}
}

// exitInfo is the beginning of a siginfo_t that waitid(2) fills in.
type exitInfo struct {
	_   [3]int32                             // number, error, code
	_   [unsafe.Sizeof(uintptr(0)) / 8]int32 // the union is aligned as a pointer
	pid int32
	_   [128]byte // the rest, and more
}

// nextEnded waits for a child to end, or for one that has, and returns its id. Its
// status stays to be collected.
func nextEnded() (int, error) {
	const all = 0 // P_ALL
	var info exitInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, all, 0, uintptr(unsafe.Pointer(&info)), syscall.WEXITED|syscall.WNOWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(info.pid), nil
}
