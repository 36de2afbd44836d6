package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// produce logs the records of a producer.
func (s *schedule) produce(i int) {
	p := s.plan.producers[i]
	r := rand.New(rand.NewPCG(s.plan.seed, uint64(200+i)))
	n := 0
	for _, b := range p.bursts {
		time.Sleep(b.wait)
		for range b.records {
			s.log(p, logged{producer: i, n: n, size: p.smallest + r.IntN(p.largest-p.smallest)})
			n++
		}
	}
}

func (s *schedule) log(p producerPlan, l logged) {
	var err error
	start := time.Now()
	if p.asLines {
		line := l.json()
		err = s.pipeline.WriteLine(context.Background(), line, int64(len(line)))
	} else {
		r := slog.NewRecord(time.Time{}, l.level(), l.message(), 0)
		r.AddAttrs(slog.String("pad", l.padding()))
		err = s.pipeline.Handler().Handle(context.Background(), r)
	}
	if took, most := time.Since(start), s.plan.longestWait(); took > most && most >= 0 {
		s.problem("the call for %s took %v, want at most %v", l.message(), took, most)
	}
	switch called := s.closing.Load(); {
	case err == nil && called != nil && called.Before(start):
		s.problem("%s was accepted %v after Close had been called", l.message(), start.Sub(*called))
	case err == nil:
		s.mu.Lock()
		s.appended = append(s.appended, l)
		s.mu.Unlock()
	case errors.Is(err, ErrClosed):
		s.closed.Add(1)
	default:
		s.problem("log %s: %v", l.message(), err)
	}
}

func (s *schedule) flush(f flushPlan) {
	time.Sleep(f.at)
	ctx, cancel := context.WithTimeout(context.Background(), f.timeout)
	defer cancel()
	s.checkUndelivered("Flush", s.pipeline.Flush(ctx))
}

// checkUndelivered complains of an error that does not say what is left.
func (s *schedule) checkUndelivered(call string, err error) {
	if err == nil {
		return
	}
	e, ok := errors.AsType[*UndeliveredError](err)
	if !ok || len(e.Sinks) == 0 {
		s.problem("%s returned %v, want an UndeliveredError", call, err)
		return
	}
	for _, u := range e.Sinks {
		if u.Pending == 0 {
			s.problem("%s names %s, which has nothing left", call, u.Name)
		}
	}
}

// watch looks at the ledger now and then.
func (s *schedule) watch() {
	var before Stats
	for range s.plan.samples {
		now := s.pipeline.Stats()
		for _, err := range checkRows(before, now) {
			s.problem("after %v: %w", time.Since(s.start), err)
		}
		before = now
		time.Sleep(s.plan.total() / time.Duration(s.plan.samples))
	}
}
