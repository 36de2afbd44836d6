package fapilog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
)

// maxPooled is the largest buffer that is kept for another call, in bytes.
const maxPooled = 16 << 10

// call is one call of Handle or LogAttrs: the memory that it encodes in and into, and
// what became of it. It has no way to its pipeline: see Pipeline.calls.
type call struct {
	scratch encode.Scratch
	json    []byte
	offered *counter
	outcome outcome
}

// outcome is what became of a call. It ends as encodeFailed unless something
// else is set, so a panic that gets past the encoder is counted too.
type outcome int

const (
	encodeFailed outcome = iota
	appended
	closed
	refused
)

// counter stands on cache lines of its own: callers on different processors do
// not share it.
type counter struct {
	n atomic.Uint64
	_ [120]byte
}

type counters [32]counter

// offer counts a call and returns memory for it.
func (p *Pipeline) offer() *call {
	c := p.calls.Get().(*call)
	c.outcome = encodeFailed
	c.offered.n.Add(1)
	return c
}

// newCalls returns a pool of calls. Those that run at the same time are spread over the
// counters.
func newCalls(offered *counters) *sync.Pool {
	var next atomic.Uint32
	return &sync.Pool{New: func() any {
		return &call{json: make([]byte, 0, 1<<10), offered: &offered[next.Add(1)%uint32(len(offered))]}
	}}
}

// finish books what became of c and keeps its memory. It is deferred, so that
// neither a panic nor runtime.Goexit in code of the user loses the count.
func (p *Pipeline) finish(c *call, err *error) {
	switch c.outcome {
	case encodeFailed:
		p.encodeFailed.Add(1)
		if v := recover(); v != nil {
			*err = fmt.Errorf("fapilog: panic while encoding: %v", v)
		}
	case closed:
		p.lateCalls.Add(1)
	case refused:
		p.refused.Add(1)
	}
	if cap(c.json) > maxPooled {
		c.json = nil
	}
	c.json = c.json[:0]
	p.calls.Put(c)
}

// append gives the encoded record to the journal.
func (p *Pipeline) append(c *call, t time.Time, level slog.Level) error {
	err := p.journal.Append(t, level, c.json)
	switch {
	case err == nil:
		c.outcome = appended
		return nil
	case errors.Is(err, journal.ErrClosed):
		c.outcome = closed
		return ErrClosed
	}
	return fmt.Errorf("fapilog: %w", err)
}

// insideKey marks the contexts that the pipeline hands out itself.
type insideKey struct{}

// inside reports whether ctx is one that p handed to a sink, or that marks its
// own diagnostics.
func (p *Pipeline) inside(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	at, _ := ctx.Value(insideKey{}).(*Pipeline)
	return at == p
}
