package disktest

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// file implements [disk.File].
type file struct {
	faulty *Faulty
	path   string
	under  disk.File
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	r, err := f.faulty.failing(ReadAt, off, off+int64(len(p)), f.path)
	if err == nil {
		return f.under.ReadAt(p, off)
	}
	n, short := f.under.ReadAt(p[:max(0, r.bytes[0]-off)], off)
	if short != nil {
		return n, short
	}
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	r, err := f.faulty.failing(WriteAt, 0, 0, f.path)
	if err == nil {
		return f.under.WriteAt(p, off)
	}
	n, failed := f.under.WriteAt(p[:min(r.keep, len(p))], off)
	if failed != nil {
		return n, failed
	}
	return n, err
}

func (f *file) Close() error {
	return errors.Join(f.faulty.fail(Close, f.path), f.under.Close())
}

func (f *file) Size() (int64, error) {
	if err := f.faulty.fail(Size, f.path); err != nil {
		return 0, err
	}
	return f.under.Size()
}

func (f *file) Allocate(size int64) error {
	if err := f.faulty.fail(Allocate, f.path); err != nil {
		return err
	}
	if !f.take(size) {
		return &fs.PathError{Op: Allocate.String(), Path: f.path, Err: syscall.ENOSPC}
	}
	return f.under.Allocate(size)
}

func (f *file) take(size int64) bool {
	f.faulty.mu.Lock()
	defer f.faulty.mu.Unlock()
	return f.faulty.space.take(f.path, size)
}

func (f *file) Truncate(size int64) error {
	if err := f.faulty.fail(Truncate, f.path); err != nil {
		return err
	}
	if err := f.under.Truncate(size); err != nil {
		return err
	}
	f.faulty.mu.Lock()
	defer f.faulty.mu.Unlock()
	f.faulty.space.cut(f.path, size)
	return nil
}

func (f *file) TryLock() (bool, error) {
	if err := f.faulty.fail(TryLock, f.path); err != nil {
		return false, err
	}
	return f.under.TryLock()
}

func (f *file) Linked(path string) (bool, error) {
	if err := f.faulty.fail(Linked, path, f.path); err != nil {
		return false, err
	}
	return f.under.Linked(path)
}

func (f *file) Map(size int64) (*disk.Mapping, error) {
	if err := f.faulty.fail(Map, f.path); err != nil {
		return nil, err
	}
	if !f.faulty.mappable() {
		return nil, &fs.PathError{Op: Map.String(), Path: f.path, Err: errors.ErrUnsupported}
	}
	return f.under.Map(size)
}
