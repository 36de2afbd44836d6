package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

func (system) OpenRoot(dir string) error {
	// Without a trailing separator, so that a link is seen as one.
	dir = filepath.Clean(dir)
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return reach(dir, err)
		}
		info, err = os.Lstat(dir)
	}
	if err != nil {
		return reach(dir, err)
	}
	return fit(dir, info)
}

// CheckRoot returns the error that matches [ErrUnfit] which OpenRoot would return for
// dir as it is, or nil. It only looks; one that is missing would be made.
func CheckRoot(dir string) error {
	dir = filepath.Clean(dir)
	info, err := os.Lstat(dir)
	if err == nil {
		return fit(dir, info)
	}
	if err = reach(dir, err); errors.Is(err, ErrUnfit) {
		return err
	}
	return nil
}

// reach tells what the user can mend from what the system has to get over.
func reach(dir string, err error) error {
	for _, mistake := range []error{fs.ErrPermission, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL} {
		if errors.Is(err, mistake) {
			return fmt.Errorf("%w: %w; name a directory that this user can make and use", ErrUnfit, err)
		}
	}
	return err
}

func fit(dir string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return unfit("%s is a symbolic link; name the directory it leads to", dir)
	}
	if !info.IsDir() {
		return unfit("%s is not a directory; name one, or a path where there is nothing yet", dir)
	}
	uid, ok := owner(info)
	if !ok {
		return nil
	}
	if uid != os.Geteuid() {
		return unfit("%s belongs to user %d and this process runs as %d; use a subdirectory, or give it to this user, with all that is in it, by chown -R",
			dir, uid, os.Geteuid())
	}
	if info.Mode()&fs.ModeSticky != 0 && info.Mode().Perm()&0o022 != 0 {
		return unfit("%s is for everybody's files; use a subdirectory", dir)
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 || perm&0o700 != 0o700 {
		return unfit("%s has mode %04o, which lets others write to it or its owner not; chmod 700 %s", dir, perm, dir)
	}
	return nil
}

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnfit, fmt.Sprintf(format, args...))
}
