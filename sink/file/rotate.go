package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
)

// due reports whether the period is over that the file was last written in. A clock
// that goes back begins no period: the next write belongs to the one it is in by then.
func (a *appender) due() bool {
	period := time.Duration(a.config.Rotate)
	if period == 0 || a.current.size == 0 || a.lines.Torn() > 0 {
		return false
	}
	return a.now().UTC().Truncate(period).After(a.current.since.UTC().Truncate(period))
}

// rotate renames the file, which is locked, and leaves it. The error is errMoved if
// somebody else has been faster.
func (a *appender) rotate() error {
	if err := a.look(); err != nil {
		return err
	}
	if a.config.Fsync != Never {
		if err := a.sync(); err != nil {
			return err
		}
	}
	c := &a.current
	found, err := c.names.list()
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	last := a.last
	if latest := found.latest(); latest.compare(last) > 0 {
		last = latest
	}
	to := last.after(a.now())
	for exists(c.names.rotated(to)) { // it was made since
		to = to.after(time.Time{})
	}
	if closeFirst {
		if err := a.leave(); err != nil {
			return err
		}
	}
	if err := a.rename(c.names.path, c.names.rotated(to)); err != nil {
		if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
			return fmt.Errorf("rotate: %w: it is a mount point: mount its directory, or leave max-size and rotate out", err)
		}
		return fmt.Errorf("rotate: %w", err)
	}
	crash.Point("file.rotated")
	a.last = to
	c.size = 0
	err = a.leave()
	if a.config.Fsync != Never {
		err = errors.Join(err, syncDir(filepath.Dir(c.names.path)))
	}
	return errors.Join(err, a.sweep())
}

// exists reports whether there is something; what cannot be told, renaming will tell.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
