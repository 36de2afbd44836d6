package disk

import (
	"errors"
	"io/fs"
	"os"
)

// file implements [File].
type file struct {
	*os.File
	locked bool
	sparse bool // lengthened without blocks
}

func (f *file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *file) Allocate(size int64) error {
	err := f.control("fallocate", func(fd uintptr) error { return allocate(fd, size) })
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	f.sparse = true
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return f.Truncate(size)
}

func (f *file) TryLock() (bool, error) {
	if f.locked {
		return true, nil
	}
	err := f.control("lock", func(fd uintptr) (err error) {
		f.locked, err = lock(fd)
		return err
	})
	return f.locked, err
}

// Close unlocks first: a child process that another goroutine is just starting
// has the open file until it executes its program, and the lock with it.
func (f *file) Close() error {
	if f.locked {
		f.locked = false
		return errors.Join(f.control("unlock", unlock), f.File.Close())
	}
	return f.File.Close()
}

func (f *file) Linked(path string) (bool, error) {
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ours, err := f.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(there, ours), nil
}

func (f *file) Map(size int64) (m *Mapping, err error) {
	err = f.control("mmap", func(fd uintptr) (err error) {
		if size <= 0 || size%8 != 0 {
			return fs.ErrInvalid
		}
		if f.sparse || size != int64(int(size)) {
			return errors.ErrUnsupported
		}
		m, err = mmap(fd, int(size))
		return err
	})
	return m, err
}

// control calls do with the descriptor, which stays open meanwhile, and names
// the file in its error.
func (f *file) control(op string, do func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if conn.Control(func(fd uintptr) { failed = do(fd) }) != nil {
		failed = fs.ErrClosed // the only reason there is
	}
	if failed != nil {
		return &fs.PathError{Op: op, Path: f.Name(), Err: failed}
	}
	return nil
}
