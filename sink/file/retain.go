package file

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
)

// aged is a rotated file as retention sees it.
type aged struct {
	mark
	size int64     // of both its forms, should there be both
	at   time.Time // by its name or its time of modification, whichever is earlier
}

// excess returns the files to be removed, and the size of those to be kept. files is in
// order, oldest first; size is that of the file that is not rotated. This one, and the
// newest, do not count for MaxTotal when they are larger all by themselves: removing
// others would not help, and the newest is what has just been written.
func (c *Config) excess(files []aged, size int64, now time.Time) (remove []aged, kept int64) {
	if n := len(files) - c.MaxFiles; c.MaxFiles > 0 && n > 0 {
		remove, files = append(remove, files[:n]...), files[n:]
	}
	if c.MaxAge > 0 {
		old, rest := c.tooOld(files, now)
		remove, files = append(remove, old...), rest
	}
	for _, f := range files {
		kept += f.size
	}
	limit := int64(c.MaxTotal)
	if limit == 0 {
		return remove, kept
	}
	if size > limit {
		size = 0
	}
	spared := 0
	if n := len(files); n > 0 && files[n-1].size > limit {
		kept, spared = kept-files[n-1].size, 1
	}
	for len(files) > spared && size+kept > limit {
		kept -= files[0].size
		remove, files = append(remove, files[0]), files[1:]
	}
	return remove, kept
}

// tooOld divides files by age. None is removed before one that was rotated earlier, so
// that files with a time out of order, from when the clock was wrong, do not go before
// their turn. The newest always stays: when the clock jumps ahead, all that was ever
// written looks old. A time in the future says nothing, and its file stays.
func (c *Config) tooOld(files []aged, now time.Time) (old, rest []aged) {
	for i, f := range files {
		switch {
		case f.at.After(now):
			rest = append(rest, f)
			continue
		case i == len(files)-1, now.Sub(f.at) <= time.Duration(c.MaxAge):
			return old, append(rest, files[i:]...)
		}
		old = append(old, f)
	}
	return old, rest
}

// sweep looks after the rotated files: after a rotation, and when the file is one that
// another process has begun.
func (a *appender) sweep() error {
	a.swept = true
	c := &a.current
	found, err := c.names.list()
	if err != nil {
		return err
	}
	for _, m := range found.temporaries {
		c.names.removeStale(m, a.zip != nil)
	}
	err = a.prune(found, 0)
	if a.zip != nil {
		a.zip.look(c.names)
	}
	return err
}

// keepTotal makes room in Config.MaxTotal for n more bytes.
func (a *appender) keepTotal(n int64) error {
	limit := int64(a.config.MaxTotal)
	if limit == 0 || a.rotated == 0 || a.current.size+n <= limit-a.rotated {
		return nil
	}
	found, err := a.current.names.list()
	if err != nil {
		return err
	}
	return a.prune(found, n)
}

// prune removes the rotated files that are not to be kept when the file grows by n bytes.
func (a *appender) prune(found listing, n int64) error {
	if a.config.MaxFiles == 0 && a.config.MaxAge == 0 && a.config.MaxTotal == 0 {
		return nil
	}
	names := a.current.names
	var files []aged
	for _, m := range found.all {
		if f, ok := names.stat(m); ok {
			files = append(files, f)
		}
	}
	remove, kept := a.config.excess(files, a.current.size+n, a.now())
	a.rotated = kept
	var errs []error
	for _, f := range remove {
		if err := names.remove(f.mark, a.remove); err != nil {
			errs = append(errs, fmt.Errorf("retention: %w", err))
		}
		crash.Point("file.removed")
	}
	if len(errs) > 0 {
		a.rotated = 0 // not again with every write
	}
	return errors.Join(errs...)
}

// stat returns what retention wants to know. ok is false if there is no regular file.
func (s *names) stat(m mark) (f aged, ok bool) {
	f = aged{mark: m, at: m.time()}
	path := s.rotated(m)
	for _, path := range []string{path, path + zipSuffix} {
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		ok = true
		f.size += info.Size()
		if t := info.ModTime(); t.Before(f.at) {
			f.at = t
		}
	}
	return f, ok
}

// remove removes a rotated file in both its forms, whichever was found: it may be
// compressed in this moment. The plain one is last, see finish.
func (s *names) remove(m mark, remove func(string) error) error {
	var errs []error
	path := s.rotated(m)
	for _, path := range []string{path + zipSuffix, path} {
		info, err := os.Lstat(path)
		if err == nil && info.Mode().IsRegular() {
			err = remove(path)
		}
		errs = append(errs, ignoreAbsent(err))
	}
	return errors.Join(errs...)
}
