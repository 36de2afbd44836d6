package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Validate implements [sink.Validator]. It reports settings that contradict each other,
// and a path that cannot be written to as things are now: a directory, a link to
// another directory, a file or directory without permission, a missing directory that
// cannot be made.
func (c *Config) Validate() error {
	if err := checkPath(c.Path); err != nil {
		return errors.Join(err, c.checkSettings())
	}
	return errors.Join(c.checkSettings(), c.checkPlace())
}

// rotates reports whether the file is ever rotated.
func (c *Config) rotates() bool { return c.MaxSize > 0 || c.Rotate > 0 }

// checkSettings reports what is wrong with the settings, whatever the path.
func (c *Config) checkSettings() error {
	var errs []error
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	report(c.MaxSize < 0 || c.Rotate < 0 || c.MaxFiles < 0 || c.MaxAge < 0 || c.MaxTotal < 0,
		"max-size, rotate, max-files, max-age and max-total cannot be negative; 0 is no limit")
	report(c.Rotate > 0 && time.Duration(c.Rotate) < time.Second, "rotate=%v is too short; want 1s or more", c.Rotate)
	report(c.MaxTotal > 0 && c.MaxTotal < c.MaxSize, "max-total=%v is less than max-size=%v, which one file may have; want more", c.MaxTotal, c.MaxSize)
	report(c.Compress != "" && c.Compress != None && c.Compress != Gzip, "compress=%q; want %s or %s", c.Compress, None, Gzip)
	report(!c.Fsync.valid(), "fsync=%v; %w", c.Fsync, errFsync)
	const nothing = "%s has no effect on a file that is not rotated; add max-size=100MiB or rotate=24h"
	report(c.MaxFiles > 0 && !c.rotates(), nothing, "max-files")
	report(c.MaxAge > 0 && !c.rotates(), nothing, "max-age")
	report(c.MaxTotal > 0 && c.MaxSize == 0, "max-total needs max-size, without which the file alone may grow beyond it; add max-size=100MiB")
	if c.rotates() && isCompressed(c.Path) {
		errs = append(errs, errCompressed(c.Path))
	}
	report(c.Compress == Gzip && !c.rotates(), nothing, "compress")
	return errors.Join(errs...)
}

// checkPlace looks at what is there.
func (c *Config) checkPlace() error {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return err
	}
	const longestName = 255 // of ext4, XFS, APFS, NTFS and nearly all others
	if base := filepath.Base(path); c.rotates() && len(base)+longestMark > longestName {
		return fmt.Errorf("%s: the name is too long to be rotated: want %d bytes at most", base, longestName-longestMark)
	}
	path, info, err := resolve(path)
	switch {
	case err == nil && c.rotates() && isCompressed(path) && !isCompressed(c.Path):
		return errCompressed(path) // what a link stands for
	case err == nil && info == nil, isAbsent(err):
		return checkParent(path)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory; add the name of a file", path)
	case c.rotates() && !info.Mode().IsRegular():
		return errNotRegular(path)
	case c.rotates():
		return errors.Join(checkAccess(path, toWrite), checkAccess(filepath.Dir(path), toReplace))
	}
	return checkAccess(path, toWrite)
}

func errNotRegular(path string) error {
	return fmt.Errorf("%s is not a regular file and cannot be rotated; leave max-size and rotate out", path)
}

// errCompressed is about a name such as app.gz: what it is rotated to would be taken for
// the compressed files of app.
func errCompressed(path string) error {
	return fmt.Errorf("%s has the name of a compressed file and cannot be rotated; choose another one, or leave max-size and rotate out", path)
}

// checkParent checks the nearest directory above path that exists.
func checkParent(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case isAbsent(err) && dir != path:
		return checkParent(dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	return checkAccess(dir, toCreate)
}

func checkAccess(path string, rights uint32) error {
	if err := access(path, rights); err != nil {
		return fmt.Errorf("no permission to write to %s: %w", path, err)
	}
	return nil
}

// isAbsent reports whether err says that a path does not exist, or that what
// stands for a directory in it is none.
func isAbsent(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
