package disk

import (
	"errors"
	"io/fs"
	"os"
)

// system implements [FS].
type system struct{}

// manyFiles is what MaxOpen returns where there is no limit to speak of.
const manyFiles = 1 << 20

// MaxOpen returns how many files this process may have open at a time.
func MaxOpen() int { return maxOpen() }

func (system) Mkdir(path string) error                    { return os.Mkdir(path, 0o700) }
func (system) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (system) Lstat(path string) (fs.FileInfo, error)     { return os.Lstat(path) }
func (system) Rename(from, to string) error               { return os.Rename(from, to) }
func (system) Remove(path string) error                   { return os.Remove(path) }
func (system) Mappable(dir string) bool                   { return mappable(dir) }

func (system) Own(info fs.FileInfo) bool {
	uid, ok := owner(info)
	return !ok || uid == os.Geteuid()
}

func (system) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{File: f}, nil
}

func (system) Open(path string) (File, error)     { return open(path, os.O_RDWR) }
func (system) OpenRead(path string) (File, error) { return open(path, os.O_RDONLY) }

// open looks before it opens, since opening a device can have effects, and
// compares afterwards, since what it saw can have been replaced.
func open(path string, flag int) (File, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, foreign(path)
	}
	f, err := os.OpenFile(path, flag|openFlags, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err == nil && !os.SameFile(before, after) {
		err = foreign(path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{File: f}, nil
}

func foreign(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: ErrForeign}
}

func (s system) WriteFile(path string, data []byte) (err error) {
	temp := path + TempSuffix
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.Create(temp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	_, err = f.WriteAt(data, 0)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
