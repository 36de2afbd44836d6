package life

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Remove removes the life's files and its directory, and releases it in any case.
// What is not ours in the directory stays, and so does the directory then, which
// is an error. A life is removed when nothing in it is needed any more: when a
// carried names it, or when it holds no record and no tally.
//
// The directory is renamed first, so that a kill later leaves something that
// [Claim] removes and nothing that it returns.
func (l *Life) Remove() error {
	defer l.Release()
	dir, err := l.hide()
	if err != nil {
		return gone(err)
	}
	return gone(l.empty(dir))
}

// gone makes no error of what somebody else has removed.
func gone(err error) error { return unless(err, fs.ErrNotExist) }

// hide gives the directory its name with a dot, unless foreign files are in it,
// whose owner shall find them where they were. It returns where the directory is.
func (l *Life) hide() (dir string, err error) {
	entries, err := l.fsys.ReadDir(l.Dir)
	if err != nil {
		return "", err
	}
	isForeign := func(e fs.DirEntry) bool { return kindOf(e) == foreign }
	if !renames || slices.ContainsFunc(entries, isForeign) {
		return l.Dir, nil
	}
	dir = l.stage(filepath.Dir(l.Dir))
	return dir, l.fsys.Rename(l.Dir, dir)
}

// empty removes what is ours in dir, the lock last, and dir.
func (l *Life) empty(dir string) error {
	stays, err := removeFiles(l.fsys, dir, segmentKind, cursorKind, carriedKind)
	if err != nil {
		return err
	}
	if !renames {
		l.Release() // or the lock could not be removed: it is open
	}
	if _, err := removeFiles(l.fsys, dir, lockKind); err != nil {
		return err
	}
	if len(stays) > 0 {
		return fmt.Errorf("%s cannot be removed: %d files in it are not the journal's, %q is one", dir, len(stays), stays[0])
	}
	return l.fsys.Remove(dir)
}

// removeFiles removes the files of these kinds, kind by kind, and returns the
// names of those that are foreign. Where one cannot be removed it stops.
func removeFiles(fsys disk.FS, dir string, kinds ...kind) (stays []string, err error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		for _, e := range entries {
			if kindOf(e) != k {
				continue
			}
			if err := gone(fsys.Remove(filepath.Join(dir, e.Name()))); err != nil {
				return nil, err
			}
			crash.Point("life.removing")
		}
	}
	for _, e := range entries {
		if kindOf(e) == foreign {
			stays = append(stays, e.Name())
		}
	}
	return stays, nil
}

// sweep removes the directory of a life that was being made or removed, if nobody
// has locked it any more. What goes wrong is left to the next who sweeps.
func sweep(fsys disk.FS, dir string) {
	kinds := []kind{segmentKind, cursorKind, carriedKind}
	lock, err := fsys.Open(filepath.Join(dir, lockName))
	switch {
	case err == nil:
		defer lock.Close()
		if locked, err := lock.TryLock(); err != nil || !locked {
			return
		}
		kinds = append(kinds, lockKind)
	case !errors.Is(err, fs.ErrNotExist):
		return
	}
	// Without a lock one may appear at any moment. It stays, and with it the
	// directory.
	if _, err := removeFiles(fsys, dir, kinds...); err == nil {
		fsys.Remove(dir)
	}
}
