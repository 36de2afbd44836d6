package life

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Life is the directory of one life that this process has locked. ID, Dir and
// Created do not change; Present may be called at any time, Release and Remove
// must not overlap with anything.
type Life struct {
	ID      [16]byte
	Dir     string
	Created int64 // when it began, in Unix nanoseconds; 0 if nothing says so

	fsys disk.FS
	lock disk.File // nil once released
}

// renames says that a directory can be renamed while a file in it is open, which
// Windows refuses. There lives are made and removed under their own name, so that
// a kill can leave an empty one behind.
var renames = runtime.GOOS != "windows"

// createTries bounds the attempts to make a life. An attempt is lost to a [Claim]
// elsewhere that takes it for a leftover.
const createTries = 100

// Create makes a life in root, with now as its beginning, and locks it. Errors are
// those of the file system.
func Create(fsys disk.FS, root string, now time.Time) (*Life, error) {
	for range createTries {
		l := &Life{Created: now.UnixNano(), fsys: fsys}
		rand.Read(l.ID[:]) // ends the process rather than fail
		l.Dir = filepath.Join(root, l.Name())
		ok, err := l.create(root)
		if err != nil {
			return nil, err
		}
		if ok {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%s: no directory could be made: others removed %d of them", root, createTries)
}

// create is one attempt. It is not ok if the id is taken, or if another process
// removes what was made.
func (l *Life) create(root string) (ok bool, err error) {
	if _, err := l.fsys.Lstat(l.Dir); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	stage := l.Dir
	if renames {
		stage = l.stage(root)
	}
	if err := l.fsys.Mkdir(stage); err != nil {
		return false, unless(err, fs.ErrExist)
	}
	l.lock, err = l.fsys.Create(filepath.Join(stage, lockName))
	if err != nil {
		l.fsys.Remove(stage)
		return false, unless(err, fs.ErrNotExist, fs.ErrExist)
	}
	if ok, err = l.begin(stage); ok {
		return true, nil
	}
	if err != nil { // else another has it, and will remove it
		removeFiles(l.fsys, stage, lockKind)
		l.fsys.Remove(stage)
	}
	l.lock.Close()
	return false, unless(err, fs.ErrNotExist)
}

// stage returns where the life's directory is while it is made or removed.
func (l *Life) stage(root string) string { return filepath.Join(root, "."+l.Name()) }

// begin locks the life in the directory stage and gives it its name.
func (l *Life) begin(stage string) (ok bool, err error) {
	if locked, err := l.lock.TryLock(); err != nil || !locked {
		return false, err
	}
	if err := writeLock(l.lock, l.Created); err != nil {
		return false, err
	}
	crash.Point("life.created")
	if stage != l.Dir {
		if err := l.fsys.Rename(stage, l.Dir); err != nil {
			return false, err
		}
	}
	crash.Point("life.renamed")
	return l.Present()
}

// unless returns err, but nil if it is one of those that are expected.
func unless(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// Name returns the life's id in hex, which names its directory.
func (l *Life) Name() string { return hex.EncodeToString(l.ID[:]) }

// Present reports whether the life's directory is still there and still this one.
// A life that is released is not.
func (l *Life) Present() (bool, error) {
	if l.lock == nil {
		return false, nil
	}
	linked, err := l.lock.Linked(filepath.Join(l.Dir, lockName))
	return linked, unless(err, fs.ErrNotExist)
}

// Release unlocks the life: whoever claims it next has it. Further calls do
// nothing.
func (l *Life) Release() error {
	if l.lock == nil {
		return nil
	}
	err := l.lock.Close()
	l.lock = nil
	return err
}
