package fapilog

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// fate is what an answer means for one record, if it came in time.
type fate int

const (
	kept     fate = iota // to be tried again
	accepted             // the destination took responsibility
	rejected
	tooLarge
)

// write is one call of a sink's Write, as the oracle sees it.
type write struct {
	began, ended          int       // places in the order of all beginnings and ends at this sink
	start, deadline, end  time.Time // end: zero while it has not returned
	records               []logged
	seqs                  []uint64
	fault                 fault
	fates                 []fate
	named                 bool // the answer judged the records one by one
	postpones             bool // it delivered some and left the others for the next attempt
	settled               bool // it settled some and left the others for the next attempt
	err                   bool // it did not return nil
	gone, parks, throttle bool
	after                 time.Duration // what it asked for, when it did
}

// faultySink behaves as its plan says and keeps an account of it.
type faultySink struct {
	plan     sinkPlan
	schedule *schedule

	mu      sync.Mutex
	random  *rand.Rand
	order   int
	running []*write
	writes  []*write
	pings   int
	closed  int
	late    int // Pings that outlived their deadline
}

// Write implements [sink.Sink].
func (s *faultySink) Write(ctx context.Context, batch []sink.Record) error {
	w := s.begin(ctx, batch)
	sum := checksum(batch)
	s.callBack(ctx)
	var err error
	returned := false
	defer func() {
		if checksum(batch) != sum {
			s.schedule.problem("%s: the batch changed under Write (%v)", s.plan.name, w.fault)
		}
		s.finish(w, err, returned)
	}()
	err = s.perform(ctx, w, batch)
	returned = true
	return err
}

func (s *faultySink) begin(ctx context.Context, batch []sink.Record) *write {
	w := &write{start: time.Now(), fates: make([]fate, len(batch))}
	w.deadline, _ = ctx.Deadline()
	bytes := 0
	for _, r := range batch {
		l, err := parseLogged(r.JSON)
		switch {
		case err != nil:
			s.schedule.problem("%s: %v", s.plan.name, err)
		case r.Level != l.level():
			s.schedule.problem("%s: %s has level %v, want %v", s.plan.name, l.message(), r.Level, l.level())
		}
		w.records = append(w.records, l)
		w.seqs = append(w.seqs, r.ID.Seq)
		bytes += len(r.JSON)
	}
	switch d := s.plan.delivery; {
	case len(batch) == 0 || len(batch) > d.BatchRecords:
		s.schedule.problem("%s: a batch of %d records, want 1 to %d", s.plan.name, len(batch), d.BatchRecords)
	case len(batch) > 1 && bytes > d.BatchBytes:
		s.schedule.problem("%s: a batch of %d bytes, want at most %d", s.plan.name, bytes, d.BatchBytes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order++
	w.began = s.order
	s.running = append(s.running, w)
	s.writes = append(s.writes, w)
	if len(s.running) > s.plan.delivery.InFlight {
		s.schedule.problem("%s: %d Writes at the same time, want at most %d", s.plan.name, len(s.running), s.plan.delivery.InFlight)
	}
	w.fault = s.draw(batch, bytes)
	return w
}

func (s *faultySink) draw(batch []sink.Record, bytes int) fault {
	if s.schedule.recovered() {
		return s.honest(batch, bytes, worksAtOnce)
	}
	return s.honest(batch, bytes, s.plan.mixes[s.schedule.phase()].draw(s.random))
}

// honest replaces an answer that takes a batch which the sink never takes.
func (s *faultySink) honest(batch []sink.Record, bytes int, f fault) fault {
	if f != worksAtOnce && f != worksSlowly {
		return f
	}
	if s.plan.largest > 0 && bytes > s.plan.largest {
		return refusesSize
	}
	if s.plan.strict {
		for _, r := range batch {
			if l, err := parseLogged(r.JSON); err == nil && l.poison() {
				return refusesBatch
			}
		}
	}
	return f
}

// finish books what became of w. It is the last thing that Write does.
func (s *faultySink) finish(w *write, err error, returned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order++
	w.ended, w.end, w.err = s.order, time.Now(), err != nil || !returned
	for i := range s.running {
		if s.running[i] == w {
			s.running = append(s.running[:i], s.running[i+1:]...)
			break
		}
	}
	if returned {
		w.read(err)
	}
}

// read works out what err means by sink.Error's documentation.
func (w *write) read(err error) {
	if err == nil {
		for i := range w.fates {
			w.fates[i] = accepted
		}
		return
	}
	if w.fault == nilError || w.fault == unwrapPanics {
		return // nothing that could be read
	}
	var e *sink.Error
	if !errors.As(err, &e) {
		return
	}
	for _, item := range e.Items {
		if item.Index < 0 || item.Index >= len(w.records) {
			return // nonsense: as any other error
		}
	}
	if w.after = e.After; len(e.Items) > 0 {
		w.readItems(e)
		return
	}
	if e.Verdict != sink.Throttled && e.Verdict != sink.Retry {
		w.after = 0
	}
	switch e.Verdict {
	case sink.Throttled:
		w.throttle = true
	case sink.Park:
		w.parks = true
	case sink.Gone:
		w.gone = true
	case sink.TooLarge:
		if len(w.records) == 1 {
			w.fates[0] = tooLarge
		}
	case sink.Rejected:
		if len(w.records) == 1 {
			w.fates[0] = rejected
		}
	}
}

func (w *write) readItems(e *sink.Error) {
	w.named = true
	for i := range w.fates {
		w.fates[i] = accepted
	}
	left, postponed := 0, 0
	for _, item := range e.Items {
		if item.Verdict == sink.Postponed {
			postponed++
		}
		switch item.Verdict {
		case sink.Rejected:
			w.fates[item.Index] = rejected
		case sink.TooLarge:
			w.fates[item.Index] = tooLarge
		default:
			w.fates[item.Index] = kept
			left++
			w.parks = w.parks || item.Verdict == sink.Park
		}
	}
	w.postpones = postponed == len(e.Items) && postponed < len(w.records)
	w.settled = postponed > 0 && left == postponed && left < len(w.records)
	if left == 0 || w.parks || w.settled {
		w.after = 0
	}
}

// callBack does what nobody must do from inside a sink.
func (s *faultySink) callBack(ctx context.Context) {
	p := s.schedule.pipeline
	if !s.plan.reentrant || p == nil {
		return
	}
	if err := p.WriteLine(ctx, []byte("{}"), 2); !errors.Is(err, ErrReentrant) {
		s.schedule.problem("%s: WriteLine from inside Write: %v", s.plan.name, err)
	}
	s.schedule.reentrant.Add(1)
	if err := p.Flush(ctx); !errors.Is(err, ErrReentrant) {
		s.schedule.problem("%s: Flush from inside Write: %v", s.plan.name, err)
	}
	if err := p.Close(ctx); !errors.Is(err, ErrReentrant) {
		s.schedule.problem("%s: Close from inside Write: %v", s.plan.name, err)
	}
}

// Close implements [sink.Sink].
func (s *faultySink) Close() error {
	s.mu.Lock()
	s.closed++
	s.mu.Unlock()
	switch s.plan.close {
	case closeFails:
		return errors.New("cannot close")
	case closePanics:
		panic("close")
	case closeHangs:
		<-s.schedule.released
	}
	return nil
}

// pingingSink is a faultySink that can be pinged.
type pingingSink struct{ *faultySink }

// Ping implements [sink.Pinger].
func (s pingingSink) Ping(ctx context.Context) error {
	s.mu.Lock()
	s.pings++
	f := worksAtOnce
	if !s.schedule.recovered() {
		f = s.plan.mixes[s.schedule.phase()].draw(s.random)
	}
	s.mu.Unlock()
	deadline, _ := ctx.Deadline()
	defer func() {
		if !time.Now().Before(deadline) {
			s.mu.Lock()
			s.late++
			s.mu.Unlock()
		}
	}()
	switch f {
	case worksAtOnce, worksSlowly, throttles, refusesBatch, refusesSize, judgesItems:
		return nil
	case hangs:
		<-ctx.Done()
		return ctx.Err()
	case sticks:
		<-s.schedule.released
		return nil
	case panics:
		panic("ping")
	case exits:
		runtime.Goexit()
	}
	return errors.New("no pong")
}

func checksum(batch []sink.Record) uint64 {
	h := fnv.New64a()
	for _, r := range batch {
		fmt.Fprintf(h, "%d %d ", r.ID.Seq, r.Level)
		h.Write(r.JSON)
	}
	return h.Sum64()
}
