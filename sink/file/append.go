package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/lines"
)

// handle is what is needed of an *os.File.
type handle interface {
	io.WriteCloser
	syscall.Conn
	Stat() (os.FileInfo, error)
	Sync() error
	Truncate(size int64) error
	SetWriteDeadline(t time.Time) error
}

// appender is the sink.
type appender struct {
	config Config
	path   string // as configured, absolute
	lines  *lines.Writer
	stop   context.CancelFunc // ends the goroutines
	flush  *flusher           // nil: Config.Fsync is no interval
	zip    *compressor        // nil: nothing is compressed

	mu     sync.Mutex // never held during I/O
	file   handle     // nil: not open
	closed bool

	// Owned by the Write that has the lines.
	current  current
	left     left
	unsynced bool  // something was written and not forced to the disk, and should be
	lost     error // of a sync in this attempt: what was written before may not be on the disk, whatever later syncs say
	last     mark  // of the last rotation
	rotated  int64 // size of the rotated files, as far as is known
	swept    bool  // what others may have left is looked after, see sweep

	// Replaced in tests.
	now    func() time.Time
	rename func(from, to string) error
	remove func(path string) error // of retention
	wrap   func(handle) handle     // makes files fail; nil: none
}

func newAppender(path string, c Config) *appender {
	ctx, stop := context.WithCancel(context.Background())
	a := &appender{
		config: c, path: path, stop: stop,
		lines: lines.NewWriter(lines.NewStream(), 0, lines.JSON),
		now:   time.Now, rename: os.Rename, remove: os.Remove,
	}
	a.current.names = namesOf(path)
	if c.Fsync > 0 {
		a.flush = &flusher{interval: time.Duration(c.Fsync), file: a.handle, done: make(chan struct{}), dirty: make(chan struct{}, 1)}
		go a.flush.run(ctx)
	}
	if c.Compress == Gzip {
		a.zip = newCompressor()
		go a.zip.run(ctx)
	}
	return a
}

// handle returns the open file, or nil.
func (a *appender) handle() handle {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file
}

// Write implements [sink.Sink].
func (a *appender) Write(ctx context.Context, batch []sink.Record) error {
	if err := a.lines.Acquire(ctx); err != nil {
		return fmt.Errorf("file: %s: another write is stuck: %w", a.path, err)
	}
	defer a.lines.Release()
	err := a.write(ctx, batch)
	if err != nil {
		a.recover(err)
	}
	a.unlock()
	var partial *sink.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &partial):
		partial.Err = fmt.Errorf("file: %w", partial.Err)
		return partial
	}
	return fmt.Errorf("file: %w", err)
}

func (a *appender) write(ctx context.Context, batch []sink.Record) error {
	a.unsynced, a.lost = false, nil
	if err := a.background(); err != nil {
		return err
	}
	if err := a.ready(ctx); err != nil {
		return err
	}
	if f := a.handle(); f != nil && !a.current.regular {
		deadline, _ := ctx.Deadline()
		_ = f.SetWriteDeadline(deadline) // only FIFOs and the like have one
	}
	return a.lines.WriteTo(ctx, &attempt{a: a, ctx: ctx}, batch)
}

// background returns what went wrong in the goroutines since it was called last.
func (a *appender) background() (err error) {
	if a.flush != nil {
		if failed := a.flush.take(); failed != nil {
			err = fmt.Errorf("what was written before may not be on the disk: %w", failed)
		}
	}
	if a.zip != nil {
		err = errors.Join(err, a.zip.take())
	}
	return err
}

// attempt is the file as the destination of one batch.
type attempt struct {
	a   *appender
	ctx context.Context
}

// Limit implements [lines.Destination].
func (t *attempt) Limit() int {
	limit := t.a.config.MaxSize
	if limit == 0 {
		return -1
	}
	return int(min(max(0, int64(limit)-t.a.current.size), math.MaxInt))
}

// Write implements [io.Writer]. It rotates the file first if p does not fit into it.
func (t *attempt) Write(p []byte) (int, error) {
	torn := t.a.lines.Torn() > 0 // p is the rest of a line
	for {
		if err := t.makeRoom(int64(len(p))); err != nil {
			return 0, err
		}
		n, gone, err := t.a.append(p)
		if !gone {
			return n, err
		}
		// Removed behind the look that the write began with. What was written to
		// it cannot be read by anybody.
		if err := errors.Join(err, t.ctx.Err(), t.a.leave()); err != nil {
			return 0, err
		}
		if torn {
			return 0, fmt.Errorf("%s: %w", t.a.path, errMoved)
		}
		if err := t.a.ready(t.ctx); err != nil {
			return 0, err
		}
	}
}

func (t *attempt) makeRoom(n int64) error {
	a := t.a
	if a.lines.Torn() > 0 || !a.current.regular {
		return nil // the rest of a line goes where its beginning is
	}
	for limit := int64(a.config.MaxSize); limit > 0 && a.current.size > 0 && n > limit-a.current.size; {
		if err := a.rotate(); err != nil && !errors.Is(err, errMoved) {
			return err
		}
		if err := a.leave(); err != nil {
			return err
		}
		if err := a.ready(t.ctx); err != nil {
			return err
		}
	}
	return a.keepTotal(n)
}

// Commit implements [lines.Destination].
func (t *attempt) Commit() error {
	if t.a.lost != nil || !t.a.unsynced {
		return t.a.lost
	}
	if t.a.flush != nil {
		t.a.flush.wrote()
		return nil
	}
	return t.a.sync()
}

// append writes p to the open file. gone says that no name leads to it any more.
func (a *appender) append(p []byte) (n int, gone bool, err error) {
	f := a.handle()
	if f == nil {
		return 0, false, a.errClosed()
	}
	n, err = f.Write(p)
	c := &a.current
	if !c.regular {
		return n, false, err
	}
	if n > 0 {
		c.since = a.now()
		a.unsynced = a.config.Fsync != Never
	}
	c.end = c.size + int64(n)
	info, failed := f.Stat()
	if failed != nil {
		c.size, c.known = c.end, unknown
		return n, false, err
	}
	c.size, c.known = info.Size(), c.end
	if unlinked(info) && a.look() != nil {
		return 0, true, err
	}
	return n, false, err
}

// sync forces what was written to the disk. After an error the system may have dropped
// it and call the next sync a success (fsync(2)): the file is not to be used again.
func (a *appender) sync() error {
	f := a.handle()
	if f == nil {
		return a.errClosed()
	}
	if err := f.Sync(); err != nil {
		a.lost = fmt.Errorf("fsync: %w", err)
		return a.lost
	}
	a.unsynced = false
	return nil
}

// leave closes the file, if one is open. An error may be that of writing, put off so
// long (close(2)).
func (a *appender) leave() error {
	if err := a.closeFile(); err != nil {
		a.lost = err
		return err
	}
	a.unsynced = false
	return nil
}

func (a *appender) errClosed() error { return fmt.Errorf("%s: %w", a.path, os.ErrClosed) }

// Close implements [sink.Sink]. It ends the goroutines: a file that is being compressed
// stays as it is.
func (a *appender) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stop()
	if a.flush != nil {
		<-a.flush.done
	}
	if a.zip != nil {
		<-a.zip.done
	}
	if err := errors.Join(a.background(), a.closeFile()); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}

// closeFile closes the file, if one is open, after a sync if there is to be any.
func (a *appender) closeFile() error {
	a.mu.Lock()
	f := a.file
	a.file = nil
	a.mu.Unlock()
	if f == nil {
		return nil
	}
	var err error
	if a.config.Fsync != Never {
		err = f.Sync()
	}
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a FIFO or a device
	}
	return errors.Join(err, f.Close())
}
