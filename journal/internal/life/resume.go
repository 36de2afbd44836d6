package life

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Unkept returns a new life that has no directory yet: [Resume] makes it.
func Unkept(now time.Time) *Life {
	l := &Life{Created: now.UnixNano()}
	rand.Read(l.ID[:]) // ends the process rather than fail
	return l
}

// Resume is Create for a life that has begun already, and has no directory or had
// one that is not there any more. One that has come back, with the file system it
// is on, is locked and taken as it is. One that another process has drained meanwhile
// cannot be resumed: whatever came to it would be removed unread.
func Resume(fsys disk.FS, root string, id [16]byte, created time.Time) (*Life, error) {
	l := &Life{ID: id, Created: created.UnixNano(), fsys: fsys}
	l.Dir = filepath.Join(root, l.Name())
	c := &claim{fsys: fsys, root: root}
	named, err := c.named()
	if err != nil {
		return nil, err
	}
	if named[l.Name()] {
		return nil, fmt.Errorf("%s was drained and removed by another process; only a new life can be kept there", l.Dir)
	}
	sweep(fsys, l.stage(root)) // what an attempt has left that could not clean up
	ok, err := l.create(root)
	if err == nil && !ok {
		err = l.retake()
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// retake locks the life's directory, which is there.
func (l *Life) retake() (err error) {
	path := filepath.Join(l.Dir, lockName)
	l.lock, err = l.fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		l.lock, err = l.fsys.Create(path)
	}
	if err != nil {
		return err
	}
	locked, err := l.lock.TryLock()
	if err == nil && locked {
		locked, err = l.Present() // and not removed just before
	}
	if err == nil && !locked {
		err = fmt.Errorf("%s is another process's", l.Dir)
	}
	if err == nil {
		err = writeLock(l.lock, l.Created)
	}
	if err != nil {
		return errors.Join(err, l.Release())
	}
	return nil
}
