package file

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Fsync says when what was written is forced to the disk: Never, EveryBatch, or
// after an interval, such as Fsync(time.Second).
type Fsync time.Duration

const (
	Never      Fsync = 0  // the system decides; what was written survives the process, but maybe not the machine
	EveryBatch Fsync = -1 // before a batch counts as delivered
)

// shortestInterval is the least interval.
const shortestInterval = time.Millisecond

var errFsync = errors.New("want never, batch or an interval such as 1s, of 1ms or more")

// Set implements [flag.Value].
func (f *Fsync) Set(s string) error {
	var interval sink.Duration
	switch s = strings.ToLower(strings.TrimSpace(s)); {
	case s == "never":
		*f = Never
	case s == "batch":
		*f = EveryBatch
	case interval.Set(s) != nil || time.Duration(interval) < shortestInterval:
		return errFsync
	default:
		*f = Fsync(interval)
	}
	return nil
}

// String implements [flag.Value].
func (f Fsync) String() string {
	switch f {
	case Never:
		return "never"
	case EveryBatch:
		return "batch"
	}
	return sink.Duration(f).String()
}

// Get implements [flag.Getter].
func (f Fsync) Get() any { return f }

func (f Fsync) valid() bool {
	return f == Never || f == EveryBatch || time.Duration(f) >= shortestInterval
}

// flusher is the goroutine that syncs what was written an interval ago. It ends when
// its context does.
type flusher struct {
	interval time.Duration
	file     func() handle // the open file; nil: none
	done     chan struct{} // closed when run has returned

	dirty chan struct{} // holds a token: something was written since the last sync began
	mu    sync.Mutex
	err   error // of the last sync, until take
}

func (f *flusher) run(ctx context.Context) {
	defer close(f.done)
	for {
		select {
		case <-f.dirty:
		case <-ctx.Done():
			return
		}
		interval := time.NewTimer(f.interval)
		select {
		case <-interval.C:
		case <-ctx.Done():
			interval.Stop()
			return // Close syncs
		}
		f.sync()
	}
}

// sync takes a token that came in the meantime: what it stands for is synced with the
// rest.
func (f *flusher) sync() {
	select {
	case <-f.dirty:
	default:
	}
	file := f.file()
	if file == nil {
		return // whoever closed it has synced it
	}
	if err := file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		f.fail(err)
	}
}

// fail keeps the error of a sync for take.
func (f *flusher) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// wrote tells the flusher that there is something to sync.
func (f *flusher) wrote() {
	select {
	case f.dirty <- struct{}{}:
	default:
	}
}

// take returns the error of a sync, once.
func (f *flusher) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.err
	f.err = nil
	return err
}
