// Package file is the sink that appends records to a file, one line of JSON for each.
// It registers the scheme file: file:///var/log/app.jsonl, file:app.jsonl.
//
// A batch is one write in append mode, so that several processes can append to one
// file and keep their lines whole on a local file system. When a write ends in the
// middle of a line (a full disk, a limit), that part is cut off again, if nobody has
// appended to it, or finished by the next attempt where it cannot be cut off: records
// are neither torn nor doubled. After an error the next attempt opens the file anew.
//
// Devices and FIFOs can be written too. A FIFO without a reader is an error, and another
// attempt may find one.
package file

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/lines"
)

func init() {
	sink.Register("file", func() sink.Opener { return &Config{} })
}

// Config describes a file. A Path is required.
type Config struct {
	Path string // relative to the working directory at New
}

// Flags implements [sink.Opener]. A file has no settings of its own.
func (c *Config) Flags(*flag.FlagSet) {}

// Defaults implements [sink.Defaulter].
func (c *Config) Defaults() map[string]string { return map[string]string{"linger": "5ms"} }

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// New returns the sink. It looks at no file: the first Write creates the file, with
// mode 0640 less the umask, and the directories it needs, with 0750.
func New(c Config) (sink.Sink, error) {
	if err := checkPath(c.Path); err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return &appender{path: path, lines: lines.NewWriter(lines.NewStream(), 0, lines.JSON)}, nil
}

// handle is what the appender needs of an *os.File.
type handle interface {
	io.WriteSeeker
	io.Closer
	Stat() (os.FileInfo, error)
	Truncate(size int64) error
	SetWriteDeadline(t time.Time) error
}

// appender is the sink.
type appender struct {
	path  string
	lines *lines.Writer

	mu     sync.Mutex // never held during I/O but that of Close
	file   handle     // nil: not open
	closed bool

	// Owned by the Write that has the lines.
	regular bool // the open file is a regular one
	left    left
	wrap    func(handle) handle // in tests: makes files fail; nil: none
}

// left is a file whose last line is torn, as it was left.
type left struct {
	info os.FileInfo
	size int64
}

// Write implements [sink.Sink].
func (a *appender) Write(ctx context.Context, batch []sink.Record) error {
	if err := a.lines.Acquire(ctx); err != nil {
		return fmt.Errorf("file: %s: another write is stuck: %w", a.path, err)
	}
	defer a.lines.Release()
	f, err := a.open()
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	deadline, _ := ctx.Deadline()
	_ = f.SetWriteDeadline(deadline) // only FIFOs and the like have one
	err = a.lines.Write(ctx, f, batch)
	if err == nil {
		return nil
	}
	a.recover(f, err)
	var partial *sink.Error
	if errors.As(err, &partial) {
		partial.Err = fmt.Errorf("file: %w", partial.Err)
		return partial
	}
	return fmt.Errorf("file: %w", err)
}

// Close implements [sink.Sink].
func (a *appender) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	if err := a.closeFile(); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}

func (a *appender) closeFile() error {
	a.mu.Lock()
	f := a.file
	a.file = nil
	a.mu.Unlock()
	if f == nil {
		return nil
	}
	return f.Close()
}

// open returns the file, opened if need be.
func (a *appender) open() (handle, error) {
	a.mu.Lock()
	f, closed := a.file, a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return nil, fmt.Errorf("%s: %w", a.path, os.ErrClosed)
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
		return nil, errors.Join(fmt.Errorf("%s: %w", a.path, os.ErrClosed), f.Close())
	}
	a.file = f
	return f, nil
}

func (a *appender) openAnew() (handle, error) {
	opened, err := create(a.path)
	if err != nil {
		return nil, err
	}
	var f handle = opened
	if a.wrap != nil {
		f = a.wrap(f)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if a.regular = info.Mode().IsRegular(); a.regular {
		// In append mode the position plays no part in where a write goes. It is where
		// this sink's last write ended: cut needs that.
		if _, err := f.Seek(info.Size(), io.SeekStart); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	if a.lines.Torn() > 0 && !a.left.is(info) {
		a.lines.Forget()
	}
	return f, nil
}

// is reports whether info is that of the file as it was left.
func (l left) is(info os.FileInfo) bool {
	return l.info != nil && os.SameFile(l.info, info) && l.size == info.Size()
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

// recover leaves the file as the next attempt can go on with.
func (a *appender) recover(f handle, err error) {
	if isTimeout(err) {
		return // a slow reader of a FIFO may have the first part of a line, and is to have the rest
	}
	if a.lines.Torn() > 0 && !a.cut(f) {
		a.lines.Forget()
	}
	_ = a.closeFile() // the error that led here is the one to report
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// cut cuts off the torn line. Where that is not possible it reports whether the line can
// be finished by a later write.
func (a *appender) cut(f handle) bool {
	if !a.regular {
		return false // it has another reader next time
	}
	end, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Size() != end {
		return false // somebody has appended: the line cannot be made whole
	}
	if f.Truncate(end-int64(a.lines.Torn())) == nil {
		a.lines.Forget()
		return true
	}
	a.left = left{info: info, size: end}
	return true
}
