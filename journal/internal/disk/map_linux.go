package disk

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// mappable goes by the magic numbers of linux/magic.h and, for XFS,
// fs/xfs/libxfs/xfs_format.h. These file systems write in place, so a page whose
// block is there can be written whatever else fills up. Not so btrfs, bcachefs
// and ZFS, which write elsewhere, and whatever lies behind a network or FUSE,
// where a page fault can take for ever and stop the process with it.
func mappable(dir string) bool {
	var stat syscall.Statfs_t
	if err := uninterrupted(func() error { return syscall.Statfs(dir, &stat) }); err != nil {
		return false
	}
	switch uint32(stat.Type) {
	case 0xef53, // ext2, ext3, ext4
		0x58465342, // XFS
		0x01021994, // tmpfs
		0xf2f52010, // F2FS
		0x794c7630: // overlayfs
		return true
	}
	return false
}

// piece is what one fallocate is asked for. On tmpfs of most kernels a signal
// makes the call give back what it has got and fail with EINTR, so it has to be
// done between two of a profiler's signals.
const piece = 4 << 20

// allocate makes the blocks of the bytes below size.
func allocate(fd uintptr, size int64) error {
	for off := int64(0); off < size; off += piece {
		err := uninterrupted(func() error {
			return syscall.Fallocate(int(fd), 0, off, min(piece, size-off))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func mmap(fd uintptr, size int) (*Mapping, error) {
	b, err := syscall.Mmap(int(fd), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return newMapping(b), nil
}

// newMapping takes b, which begins at a page and consists of words.
func newMapping(b []byte) *Mapping {
	return &Mapping{
		bytes: b,
		words: unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8),
	}
}

func unmap(b []byte) error {
	return os.NewSyscallError("munmap", syscall.Munmap(b))
}

// madvPopulateWrite is MADV_POPULATE_WRITE of linux/mman.h, since Linux 5.14.
const madvPopulateWrite = 23

// populate reports EFAULT where a write would fault; see madvise(2).
func populate(m *Mapping) error {
	err := uninterrupted(func() error { return syscall.Madvise(m.bytes, madvPopulateWrite) })
	if errors.Is(err, syscall.EINVAL) {
		return m.touch(os.Getpagesize())
	}
	return os.NewSyscallError("madvise", err)
}

// touch write-faults every page in by changing nothing in it.
func (m *Mapping) touch(pageSize int) error {
	return Guard(func() {
		for i := 0; i < len(m.words); i += pageSize / 8 {
			// A plain store could undo a neighbour's.
			atomic.OrUint64(&m.words[i], 0)
		}
	}, m)
}
