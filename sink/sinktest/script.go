package sinktest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Script is a sink that answers as it is told and remembers every attempt. It is
// a [Memory] of the records that it delivered. The zero Script always delivers.
// Its fields are not to be changed once it is used; it must not be copied, and
// is safe for concurrent use. It keeps to the clock of a synctest bubble.
type Script struct {
	Memory

	Steps []Step // the answers to the first attempts
	Then  Step   // the answer to all others

	// Answer, if set, is called in place of Steps and Then, without a lock. The
	// first attempt is 1. It may read batch until it returns.
	Answer func(attempt int, batch []sink.Record) Step

	mu       sync.Mutex
	attempts []*Attempt
	released chan struct{} // closed by Release; nil before the first attempt
	open     bool          // released is closed
}

// Attempt is one call of Write.
type Attempt struct {
	Start     time.Time
	End       time.Time     // zero while Write has not returned
	Records   []sink.Record // the batch, copied at Start
	Err       error         // what Write returned; nil also if it did not return normally
	Delivered []sink.ID     // the records that were delivered
	Panicked  bool          // Write panicked or ended its goroutine
	Changed   bool          // the batch was changed by someone else before Write ended
}

// Write implements [sink.Sink].
func (s *Script) Write(ctx context.Context, batch []sink.Record) error {
	a := &Attempt{Start: time.Now(), Records: clone(batch)}
	n, released := s.begin(a)
	var err error
	returned := false
	defer func() { s.end(ctx, a, batch, err, returned) }()
	err = s.perform(ctx, n, batch, released)
	returned = true
	return err
}

func (s *Script) perform(ctx context.Context, n int, batch []sink.Record, released <-chan struct{}) error {
	step := s.Then
	switch {
	case s.Answer != nil:
		step = s.Answer(n, batch)
	case n <= len(s.Steps):
		step = s.Steps[n-1]
	}
	if step.answer == nil {
		return nil
	}
	return step.answer(ctx, released)
}

func (s *Script) begin(a *Attempt) (n int, released <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, a)
	return len(s.attempts), s.release()
}

// end looks at batch once more: that is what an abandoned Write may still do.
func (s *Script) end(ctx context.Context, a *Attempt, batch []sink.Record, err error, returned bool) {
	changed := !slices.EqualFunc(a.Records, batch, same)
	var delivered []sink.Record
	if returned {
		delivered = deliveredOf(a.Records, err)
	}
	s.mu.Lock()
	a.End, a.Err, a.Panicked, a.Changed = time.Now(), err, !returned, changed
	for _, r := range delivered {
		a.Delivered = append(a.Delivered, r.ID)
	}
	s.mu.Unlock()
	if len(delivered) > 0 {
		_ = s.Memory.Write(ctx, delivered)
	}
}

// deliveredOf returns the records of batch that err does not name.
func deliveredOf(batch []sink.Record, err error) []sink.Record {
	var e *sink.Error
	switch {
	case err == nil:
		return batch
	case !errors.As(err, &e) || len(e.Items) == 0:
		return nil
	}
	var delivered []sink.Record
	for i, r := range batch {
		if !slices.ContainsFunc(e.Items, func(it sink.ItemError) bool { return it.Index == i }) {
			delivered = append(delivered, r)
		}
	}
	return delivered
}

func same(a, b sink.Record) bool {
	return a.ID == b.ID && a.Time.Equal(b.Time) && a.Level == b.Level && bytes.Equal(a.JSON, b.JSON)
}

// Attempts returns the attempts so far, in the order in which they began. Their
// records are shared with the Script and not to be changed.
func (s *Script) Attempts() []Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempts := make([]Attempt, len(s.attempts))
	for i, a := range s.attempts {
		attempts[i] = *a
	}
	return attempts
}

// Release ends the steps that are [Stuck], those to come included.
func (s *Script) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.open = true
		close(s.release())
	}
}

// release returns the channel that Release closes. It is made by the first to
// need it, so that it belongs to that one's synctest bubble. s.mu is held.
func (s *Script) release() chan struct{} {
	if s.released == nil {
		s.released = make(chan struct{})
	}
	return s.released
}

// Pinging is a Script that is a [sink.Pinger] as well.
type Pinging struct {
	Script
	Pings Script // answers pings; its attempts have no records
}

// Ping implements [sink.Pinger].
func (p *Pinging) Ping(ctx context.Context) error { return p.Pings.Write(ctx, nil) }
