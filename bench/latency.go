package main

import (
	"errors"
	"runtime"
	"sync"
	"time"
)

// latency is what single calls of one run took. The clock, which is read once for
// each call, is part of every time, on both sides of a comparison.
type latency struct {
	p50, p999 float64 // ns
	slow      float64 // calls over 1 ms, in a million
	void      error   // why the figures do not count, or nil
}

func p50Of(l latency) float64  { return l.p50 }
func p999Of(l latency) float64 { return l.p999 }
func slowOf(l latency) float64 { return l.slow }

// leastCalls leaves 2,000 calls beyond a p99.9.
const leastCalls = 2_000_000

// measureLatency sets a up, warms it up, and times calls calls of one goroutine.
func measureLatency(a arm, d destinations, calls int) (l latency, err error) {
	subject, err := a.open(a, d)
	if err != nil {
		return latency{}, err
	}
	defer func() { err = errors.Join(err, subject.close(), d.cleared()) }()
	subject.log(calls / warm)
	_, _ = subject.settle(calls / warm)
	runtime.GC()

	h := timed(calls, func() { subject.log(1) })
	_, l.void = subject.settle(calls)
	l.p50, l.p999 = h.quantile(0.5), h.quantile(0.999)
	l.slow = float64(h.over(time.Millisecond)) / float64(calls) * 1e6
	return l, nil
}

// timed makes calls calls. The end of one is the beginning of the next.
func timed(calls int, call func()) *histogram {
	h := new(histogram)
	base := time.Now()
	last := time.Since(base)
	for range calls {
		call()
		now := time.Since(base)
		h.add(now - last)
		last = now
	}
	return h
}

// clock returns what the clock and the counting take of each time, in
// nanoseconds.
var clock = sync.OnceValue(func() float64 { return timed(1<<20, func() {}).quantile(0.5) })
