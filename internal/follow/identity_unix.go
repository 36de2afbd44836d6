//go:build unix

package follow

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// open opens a file for reading. Neither a FIFO nor a terminal makes it wait.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// look returns what a path names, behind symbolic links.
func look(path string) (identity, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, nil, err
	}
	return identityOf(info), info, nil
}

// lookAtEntry returns what is in a directory under a name: the link, not what it leads
// to.
func lookAtEntry(path string) (identity, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return identity{}, nil, err
	}
	return identityOf(info), info, nil
}

// lookAt returns what is open.
func lookAt(f *os.File) (identity, fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, nil, err
	}
	return identityOf(info), info, nil
}

func identityOf(info fs.FileInfo) identity {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}
	}
	return identity{uint64(stat.Dev), uint64(stat.Ino)}
}

// stale reports whether a file server has forgotten the open file.
func stale(err error) bool { return errors.Is(err, syscall.ESTALE) }

// exhausted reports whether an error is that of a process, or machine, that has as
// many files open as it may.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// names is how many names the open file has: without one nobody will open it again.
func names(f *os.File) uint64 {
	info, err := f.Stat()
	if err != nil {
		return 1
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 1
	}
	return uint64(stat.Nlink)
}
