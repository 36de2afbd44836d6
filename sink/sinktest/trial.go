package sinktest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// timeout is the deadline of an attempt, and patience how long the suite waits for
// what ought to have come by then.
const (
	timeout  = 10 * time.Second
	patience = time.Hour
)

// windDown is how long a server of package http, and a slow one of the suite, takes to
// see that its connections are gone.
const windDown = 2 * time.Second

// trial is one behaviour being examined.
type trial struct {
	target  *Target
	tb      testing.TB
	network *network
	store   Store
	sink    sink.Sink
	seq     uint64 // of the last record
	answers int    // kinds of them that were compared with the table
	leftOut string

	mu     sync.Mutex
	closed bool // the sink
	found  []string
}

// run examines b. It is called in a bubble.
func (x *trial) run(t *testing.T, b behaviour) {
	before := goroutines()
	x.tb = &recorder{TB: t, x: x}
	x.network = newNetwork(x.target, &x.store)
	x.do(func() {
		x.sink = x.target.New(x.tb, x.network.dial)
		b.try(x)
	})
	if x.sink != nil && !x.closed {
		x.do(x.close)
	}
	synctest.Wait()
	if n := x.network.open(); n > 0 && x.closed {
		x.errorf("%d connections are open after Close", n)
	}
	x.network.shut()
	time.Sleep(windDown)
	synctest.Wait()
	for id, g := range goroutines() {
		if _, old := before[id]; !old {
			x.errorf("a goroutine is left after Close: %s", g)
		}
	}
}

// do runs f on a goroutine of its own, which f may end.
func (x *trial) do(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				x.errorf("panic: %v", p)
			}
		}()
		f()
	}()
	<-done
}

// errorf notes a deviation. What it says holds no secret of the target's.
func (x *trial) errorf(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.found = append(x.found, sink.NewMasker(x.target.Secrets...).Text(fmt.Sprintf(format, args...)))
}

// fatalf is errorf where nothing that comes after would make sense.
func (x *trial) fatalf(format string, args ...any) {
	x.errorf(format, args...)
	runtime.Goexit()
}

// skip ends the trial: the behaviour means nothing to this target.
func (x *trial) skip(why string) {
	x.leftOut = why
	runtime.Goexit()
}

// failed reports whether there is a deviation.
func (x *trial) failed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.found) > 0
}

// within runs f, which is to return within limit. Much later the trial ends.
func (x *trial) within(limit time.Duration, what string, f func()) (took time.Duration) {
	start := time.Now()
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		f()
	}()
	timer := time.NewTimer(limit + patience)
	defer timer.Stop()
	select {
	case p := <-done:
		if p != nil {
			x.fatalf("%s panics: %v", what, p)
		}
	case <-timer.C:
		x.fatalf("%s has not returned %v after it should have", what, patience)
	}
	if took = time.Since(start); took > limit {
		x.errorf("%s returns after %v, and its limit is %v", what, took, limit)
	}
	return took
}

// result is what came of a Write.
type result struct {
	err  error
	took time.Duration
	n    int // records of the batch
}

// write makes an attempt.
func (x *trial) write(batch []sink.Record) result {
	return x.writeWith(context.Background(), timeout, batch)
}

// writeWith makes an attempt that has to end after limit: the deadline, or when ctx ends.
func (x *trial) writeWith(ctx context.Context, limit time.Duration, batch []sink.Record) result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	before := clone(batch)
	r := result{n: len(batch)}
	r.took = x.within(limit, "Write", func() { r.err = x.sink.Write(ctx, batch) })
	for i := range batch {
		if !same(before[i], batch[i]) {
			x.errorf("Write has changed record %d of its batch", i)
			break
		}
	}
	x.look(r.err, len(batch))
	return r
}

// close closes the sink, which takes no longer than half an attempt.
func (x *trial) close() {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	var err error
	x.within(timeout/2, "Close", func() { err = x.sink.Close() })
	if err != nil {
		x.errorf("Close returns %v", err)
	}
}

// recorder is a testing.TB whose failures are deviations.
type recorder struct {
	testing.TB
	x *trial
}

// What a test may call to fail, or to be skipped, which is not for one behaviour to do.
func (r *recorder) Error(args ...any)                 { r.x.errorf("%s", fmt.Sprintln(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.x.errorf(format, args...) }
func (r *recorder) Fail()                             { r.x.errorf("New fails") }
func (r *recorder) FailNow()                          { r.x.fatalf("New fails") }
func (r *recorder) Failed() bool                      { return r.x.failed() }
func (r *recorder) Fatal(args ...any)                 { r.x.fatalf("%s", fmt.Sprintln(args...)) }
func (r *recorder) Fatalf(format string, args ...any) { r.x.fatalf(format, args...) }
func (r *recorder) Skip(args ...any)                  { r.x.fatalf("New skips: %s", fmt.Sprintln(args...)) }
func (r *recorder) Skipf(format string, args ...any)  { r.x.fatalf("New skips: "+format, args...) }
func (r *recorder) SkipNow()                          { r.x.fatalf("New skips") }
