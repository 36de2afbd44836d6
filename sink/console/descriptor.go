package console

import (
	"context"
	"os"
	"sync"
	"time"
)

// descriptor is the duplicate. It is for whoever has the stream, but for close, which
// may be called during a write that is stuck.
type descriptor struct {
	mu     sync.Mutex // never held during a write
	file   *os.File
	closed bool

	deadline time.Time // of the Write that has its turn; zero: none
}

func (d *descriptor) current() *os.File {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.file
}

// setDeadline bounds writes by the deadline of ctx if the descriptor is non-blocking.
func (d *descriptor) setDeadline(ctx context.Context) {
	d.deadline, _ = ctx.Deadline()
	// It fails for a blocking descriptor: then the write is abandoned at the deadline.
	_ = d.current().SetWriteDeadline(d.deadline)
}

// Write implements [io.Writer].
func (d *descriptor) Write(p []byte) (int, error) {
	n, err := d.current().Write(p)
	if !wouldBlock(err) || !d.renew() {
		return n, err
	}
	m, err := d.current().Write(p[n:])
	return n + m, err
}

// renew duplicates the descriptor again, and reports whether it could. Another process
// that has made the shared descriptor non-blocking after it was duplicated is so
// noticed by package os, which then waits instead of failing.
func (d *descriptor) renew() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	file, err := duplicate(d.file)
	if err != nil {
		return false
	}
	_ = d.file.Close() // nothing is buffered in it, so nothing can be lost
	_ = file.SetWriteDeadline(d.deadline)
	d.file = file
	return true
}

func (d *descriptor) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return d.file.Close()
}
