package follow

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// open opens a file for reading in a way that lets others rename and remove it.
func open(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	const shareAll = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ, shareAll, nil, syscall.OPEN_EXISTING,
		syscall.FILE_ATTRIBUTE_NORMAL|syscall.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

// look returns what a path names, behind symbolic links.
func look(path string) (identity, fs.FileInfo, error) {
	f, err := open(path)
	if err != nil {
		return identity{}, nil, err
	}
	defer f.Close()
	return lookAt(f)
}

// lookAtEntry returns what is in a directory under a name. A link is not a regular
// file.
func lookAtEntry(path string) (identity, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return identity{}, info, err
	}
	return look(path)
}

// lookAt returns what is open.
func lookAt(f *os.File) (identity, fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return identity{}, nil, err
	}
	var by syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &by); err != nil {
		return identity{}, nil, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return identity{uint64(by.VolumeSerialNumber), uint64(by.FileIndexHigh)<<32 | uint64(by.FileIndexLow)}, info, nil
}

func stale(error) bool { return false }

// exhausted reports whether an error is that of a process, or machine, that has as
// many files open as it may.
func exhausted(err error) bool {
	return errors.Is(err, syscall.Errno(4)) // ERROR_TOO_MANY_OPEN_FILES
}

// names is not told by this system.
func names(*os.File) uint64 { return 1 }
