package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/fapilog/fapilog/internal/crash"
)

// left is a file whose last line is torn, as it was left.
type left struct{ info os.FileInfo }

// is reports whether info is that of the file as it was left.
func (l left) is(info os.FileInfo) bool {
	return l.info != nil && os.SameFile(l.info, info) && l.info.Size() == info.Size() && l.info.ModTime().Equal(info.ModTime())
}

// recover leaves the file as the next attempt can go on with.
func (a *appender) recover(err error) {
	if !a.current.regular && isTimeout(err) {
		return // a slow reader of a FIFO may have the first part of a line, and is to have the rest
	}
	f := a.handle()
	if f != nil && a.current.settled && a.lines.Torn() > 0 && !a.cut(f) {
		a.lines.Forget()
	}
	if failed := a.closeFile(); failed != nil && a.flush != nil && a.lost == nil {
		a.flush.fail(failed) // it was the sync of what has been delivered; err is the error of this attempt
	}
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// cut cuts off the line that this sink has torn. Where that is not possible it reports
// whether the line can be finished by a later write.
func (a *appender) cut(f handle) bool {
	if !a.current.regular {
		return false // it has another reader next time
	}
	failed := awaitWrites(f)
	info, err := f.Stat()
	if err != nil || info.Size() != a.current.end {
		return false // somebody has appended without the lock: the line cannot be made whole
	}
	if failed == nil && f.Truncate(info.Size()-int64(a.lines.Torn())) == nil {
		a.lines.Forget()
		return true
	}
	a.left = left{info}
	return true
}

// repair sees to it that the next write begins a line. Whoever has written since this
// sink did last may have been killed in the middle of one.
func (a *appender) repair(f handle) error {
	c := &a.current
	first := c.known == unknown
	if c.size == c.known {
		return nil
	}
	if a.lines.Torn() > 0 {
		if a.left.is(c.looked) {
			return nil
		}
		a.lines.Forget()
	}
	if c.size == 0 || !c.locked && !first {
		// Without a lock, a line that is not whole may be one that somebody is writing.
		return nil
	}
	for range maxMoves {
		keep, err := a.wholeUntil()
		if err != nil || keep == c.size {
			return err
		}
		seen := c.size
		if awaitWrites(f) != nil {
			keep = -1 // cutting is out of the question
		}
		if err := a.look(); err != nil {
			return err
		}
		if c.size == seen {
			return a.mend(f, keep)
		}
		// It was a line that a program without the lock was writing.
	}
	return nil // it is written to all the time, and a write goes behind the one that is under way
}

// mend cuts off what is behind keep, or, where that is negative or fails, ends it with a
// newline.
func (a *appender) mend(f handle, keep int64) error {
	c := &a.current
	if keep >= 0 && f.Truncate(keep) == nil {
		c.size = keep
	} else {
		n, err := f.Write([]byte{'\n'})
		if err != nil {
			return err
		}
		c.size += int64(n)
	}
	c.known = c.size
	crash.Point("file.repaired")
	return nil
}

// wholeUntil reads the end of the file: its size if the last line is whole, where that
// begins if it is to be cut off, and -1 if it is to be ended with a newline.
func (a *appender) wholeUntil() (int64, error) {
	c := &a.current
	f, err := os.OpenFile(c.names.path, os.O_RDONLY|openFlags, 0)
	if errors.Is(err, os.ErrPermission) {
		return c.size, nil // it can only be written: nobody will know
	}
	if isAbsent(err) {
		return 0, errMoved
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !os.SameFile(info, c.info) {
		return 0, errors.Join(err, errMoved)
	}
	return wholeUntil(f, c.size)
}

// maxTail is how much of a line is looked at.
const maxTail = 1 << 20

func wholeUntil(r io.ReaderAt, size int64) (int64, error) {
	var last [1]byte
	if _, err := r.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return size, ignoreEOF(err)
	}
	tail := make([]byte, min(size, maxTail))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil {
		return size, ignoreEOF(err)
	}
	begin := bytes.LastIndexByte(tail, '\n') + 1
	if begin == 0 && size > maxTail {
		return -1, nil
	}
	if tail = tail[begin:]; tail[0] == '{' && !json.Valid(tail) {
		return size - int64(len(tail)), nil
	}
	return -1, nil
}

// ignoreEOF: the file is being truncated by somebody.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
