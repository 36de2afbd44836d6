package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// latency is what single calls of one run took. The clock, which is read once for
// each call, is part of every time, on both sides of a comparison.
type latency struct {
	p50  []float64 // ns, of each turn
	p999 float64   // ns, of all calls
	slow float64   // calls over 1 ms, in a million
	void error     // why the figures do not count, or nil
}

func p50Of(l latency) []float64  { return l.p50 }
func p999Of(l latency) []float64 { return []float64{l.p999} }
func slowOf(l latency) []float64 { return []float64{l.slow} }

// leastCalls leaves 2,000 calls beyond a p99.9.
const leastCalls = 2_000_000

// measureLatency sets both arms up, warms them up, and times calls calls of each in each
// turn, of one goroutine. A turn begins when the destinations have what was logged before;
// one that does not count voids the round.
func measureLatency(arms [2]arm, d [2]destinations, calls, turns, round int) (l [2]latency, err error) {
	var subjects [2]*subject
	var times [2]histogram // of all turns
	for i, a := range arms {
		s, e := a.open(a, d[i])
		if e != nil {
			return l, fmt.Errorf("%s: %w", a, e)
		}
		defer func() { err = errors.Join(err, s.close(), d[i].removed()) }()
		s.log(calls)
		_, _ = s.settle(calls)
		subjects[i] = s
	}
	for turn := range turns {
		for i := range subjects {
			i ^= (turn + round) % 2 // neither is always the first
			s := subjects[i]
			runtime.GC()
			var h histogram
			h.time(calls, func() { s.log(1) })
			l[i].p50 = append(l[i].p50, h.quantile(0.5))
			times[i].merge(&h)
			if _, void := s.settle(calls); l[i].void == nil {
				l[i].void = void
			}
		}
	}
	for i := range times {
		h := &times[i]
		l[i].p999 = h.quantile(0.999)
		l[i].slow = float64(h.over(time.Millisecond)) / float64(calls*turns) * 1e6
	}
	return l, nil
}

// time makes calls calls and adds what each takes. The end of one is the beginning
// of the next.
func (h *histogram) time(calls int, call func()) {
	base := time.Now()
	last := time.Since(base)
	for range calls {
		call()
		now := time.Since(base)
		h.add(now - last)
		last = now
	}
}

// clock returns what the clock and the counting take of each time, in
// nanoseconds.
var clock = sync.OnceValue(func() float64 {
	var h histogram
	h.time(1<<20, func() {})
	return h.quantile(0.5)
})
