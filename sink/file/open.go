package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
)

// current is what is known of the file that is open, or was last.
type current struct {
	names   *names      // of the file itself, whatever links lead to it
	info    os.FileInfo // as it was opened
	looked  os.FileInfo // as its name showed it last
	regular bool
	locked  bool      // this sink has its lock
	settled bool      // ready was successful, and the attempt is not over
	size    int64     // as of the last look or write
	known   int64     // size as this sink left it; another one: somebody else has written
	end     int64     // where the last write ended, if nobody else has written
	since   time.Time // when it was last written, which is the period it belongs to
}

const unknown = -1 // as a size

var (
	// errMoved: the path does not name the open file any more.
	errMoved = errors.New("the file was renamed or removed")

	// errNoLocks: there are no locks here, see flock.
	errNoLocks = errors.New("no locks on this file system")
)

// maxMoves is how often in one attempt the file may be gone before it is said. Each time
// another process has rotated it, or this one.
const maxMoves = 100

// ready makes the file ready for a write: open, locked, named by the path, at the
// start of a line, and within its period.
func (a *appender) ready(ctx context.Context) error {
	for range maxMoves {
		err := a.settle(ctx)
		if !errors.Is(err, errMoved) {
			a.current.settled = err == nil
			return err
		}
		if err := a.leave(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w, again and again", a.path, errMoved)
}

func (a *appender) settle(ctx context.Context) error {
	f, err := a.open()
	if err != nil || !a.current.regular {
		return err
	}
	if err := a.lock(ctx, f); err != nil {
		return err
	}
	if err := a.look(); err != nil {
		return err
	}
	if err := a.repair(f); err != nil {
		return err
	}
	if a.due() {
		if err := a.rotate(); err != nil {
			return err
		}
		return errMoved
	}
	if !a.swept && a.config.rotates() {
		return a.sweep()
	}
	return nil
}

// open returns the file, opened if need be.
func (a *appender) open() (handle, error) {
	a.mu.Lock()
	f, closed := a.file, a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return nil, a.errClosed()
	case f != nil:
		return f, nil
	}
	f, err := a.openAnew()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errors.Join(a.errClosed(), f.Close())
	}
	a.file = f
	return f, nil
}

func (a *appender) openAnew() (handle, error) {
	path, before, err := resolve(a.path)
	if err != nil {
		return nil, err
	}
	opened, err := create(path)
	if err != nil {
		return nil, err
	}
	var f handle = opened
	if a.wrap != nil {
		f = a.wrap(f)
	}
	info, err := f.Stat()
	if err == nil {
		err = a.meet(path, info, before == nil)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// meet takes note of the file that was opened, and perhaps created.
func (a *appender) meet(path string, info os.FileInfo, created bool) error {
	c := &a.current
	same := c.info != nil && os.SameFile(c.info, info)
	switch {
	case info.Size() == 0:
		c.since = a.now()
	case !same: // or else the clock that counts is this process's, not a file server's
		c.since = info.ModTime()
	}
	if c.names.path != path {
		c.names = namesOf(path)
	}
	c.info, c.regular = info, info.Mode().IsRegular()
	c.locked, c.settled, c.known = false, false, unknown
	switch {
	case !c.regular && a.config.rotates():
		return errNotRegular(path)
	case a.config.rotates() && isCompressed(path):
		return errCompressed(path)
	case !c.regular:
		a.lines.Forget() // it has another reader now
	case created:
		crash.Point("file.created")
		if a.config.Fsync != Never {
			return syncDir(filepath.Dir(path))
		}
	case !same:
		a.swept = false // somebody else has rotated, or was here before
	}
	return nil
}

// create opens the file for appending. It makes the directories only if they are
// missing, so that the usual case is one system call.
func create(path string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE | openFlags
	f, err := os.OpenFile(path, flags, 0o640)
	if !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	return os.OpenFile(path, flags, 0o640)
}

// resolve follows symbolic links within the directory of path. info is nil if there is
// nothing at their end. Opening the result follows no more links, see openFlags.
func resolve(path string) (target string, info os.FileInfo, err error) {
	const maxLinks = 40 // as on Linux, path_resolution(7)
	dir := filepath.Dir(path)
	target = path
	for range maxLinks {
		info, err := os.Lstat(target)
		if errors.Is(err, os.ErrNotExist) {
			return target, nil, nil
		}
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			return target, info, err
		}
		to, err := os.Readlink(target)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		if filepath.Dir(to) != dir {
			return "", nil, errLink(path)
		}
		target = filepath.Join(dir, filepath.Base(to))
	}
	return "", nil, fmt.Errorf("%s: too many symbolic links", path)
}

func errLink(path string) error {
	hint := "name the file itself"
	switch path {
	case "/dev/stdout":
		hint = "use stdout:// instead"
	case "/dev/stderr":
		hint = "use stderr:// instead"
	}
	return fmt.Errorf("%s is a symbolic link out of its directory; %s", path, hint)
}

// look looks whether the path still names the open file, and how large that is.
func (a *appender) look() error {
	c := &a.current
	path, info, err := a.path, os.FileInfo(nil), error(nil)
	if c.names.path == a.path {
		info, err = os.Lstat(path)
	} else {
		path, info, err = resolve(path)
	}
	switch {
	case isAbsent(err), err == nil && (info == nil || path != c.names.path || !os.SameFile(c.info, info)):
		return errMoved
	case err != nil:
		return err
	}
	c.looked, c.size = info, info.Size()
	return nil
}

const (
	shortestPause = 100 * time.Microsecond // between tries to take a lock
	longestPause  = 10 * time.Millisecond
)

// lock takes the lock of the open file. It does not wait in the system, which a process
// that was stopped while it has the lock could make last for ever.
func (a *appender) lock(ctx context.Context, f handle) error {
	c := &a.current
	if c.locked {
		return nil
	}
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		taken, err := flock(f)
		if errors.Is(err, errNoLocks) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: lock: %w", a.path, err)
		}
		if taken {
			c.locked = true
			return nil
		}
		// A file that was rotated may be locked for as long as it takes to compress it.
		if err := a.look(); err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("%s is locked by another process: %w", a.path, err)
		}
	}
}

// sleep returns early, with an error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unlock ends the attempt.
func (a *appender) unlock() {
	c := &a.current
	if f := a.handle(); f != nil && c.locked {
		funlock(f)
	}
	c.locked, c.settled = false, false
}
