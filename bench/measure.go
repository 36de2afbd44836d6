package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// sample is what one run cost. The first three are per call.
type sample struct {
	wall       float64 // ns that a caller spends in a call
	threadCPU  float64 // ns of CPU time of the calling thread; 0 with several, or where the system does not tell
	processCPU float64 // ns of CPU time of all threads until the last record is delivered; likewise

	calls   int
	elapsed time.Duration // from the first call until the last record is delivered
	void    error         // why the figures do not count, or nil
}

func wallOf(s sample) float64      { return s.wall }
func threadCPUOf(s sample) float64 { return s.threadCPU }

// perSecond returns records per second until the last one is delivered.
func perSecond(s sample) float64 { return float64(s.calls) / s.elapsed.Seconds() }

// perCPUSecond returns records per second of CPU time of the whole process.
func perCPUSecond(s sample) float64 { return 1e9 / s.processCPU }

// warm is the share of the calls that is made before anything is measured: the
// journal's segments have then been used, and the pools filled.
const warm = 5

// turns is how many turns each arm has in a round. What else the machine does for some
// seconds then falls on all of them.
const turns = 4

// measure sets a up, warms it up, and measures calls calls, spread over
// goroutines.
func measure(a arm, d destinations, calls, goroutines int) (sample, error) {
	samples, err := measureByTurns([]arm{a}, []destinations{d}, []int{calls}, goroutines, 1, 0)
	return samples[0], err
}

// measureByTurns is measure for several arms, each with its destinations and the calls
// that it makes in each turn. A turn ends when the destinations have what was logged in
// it, and counts by itself or not at all. Each round begins with another arm.
func measureByTurns(arms []arm, d []destinations, calls []int, goroutines, turns, round int) (samples []sample, err error) {
	trials := make([]trial, len(arms))
	samples = make([]sample, len(arms))
	for i, a := range arms {
		subject, e := a.open(a, d[i])
		if e != nil {
			return samples, fmt.Errorf("%s: %w", a, e)
		}
		defer func() { err = errors.Join(err, subject.close(), d[i].removed()) }()
		each := calls[i] / goroutines / warm
		runCallers(subject, each, goroutines)
		_, _ = subject.settle(each * goroutines) // what was warmed up need not count
		trials[i].subject = subject
	}
	for turn := range turns {
		for i := range trials {
			if i = (i + turn + round) % len(trials); turn%2 == 1 { // neighbours change places
				i = len(trials) - 1 - i
			}
			runtime.GC()
			trials[i].turn(calls[i]/goroutines, goroutines)
			err = errors.Join(err, d[i].cleared())
		}
	}
	for i := range trials {
		samples[i] = trials[i].sample()
	}
	return samples, err
}

// trial is a subject and what its turns have cost so far.
type trial struct {
	subject               *subject
	calls                 int
	wall, thread, process time.Duration // see sample; of all calls together
	elapsed               time.Duration
	void                  error
}

// turn makes each calls on every goroutine.
func (t *trial) turn(each, goroutines int) {
	process, start := processCPU(), time.Now()
	wall, thread := runCallers(t.subject, each, goroutines)
	t.calls += each * goroutines
	if _, err := t.subject.settle(each * goroutines); t.void == nil {
		t.void = err
	}
	t.elapsed += time.Since(start)
	t.process += processCPU() - process
	t.wall += wall
	t.thread += thread
}

func (t *trial) sample() sample {
	n := float64(t.calls)
	return sample{
		wall: float64(t.wall) / n, threadCPU: float64(t.thread) / n, processCPU: float64(t.process) / n,
		calls: t.calls, elapsed: t.elapsed, void: t.void,
	}
}

// settle waits until the destinations have everything.
func (s *subject) settle(calls int) (ledger string, err error) {
	if s.check == nil {
		return "", nil
	}
	return s.check(calls)
}

// runCallers makes each calls on every goroutine and returns the sums of their
// wall and CPU times. One goroutine alone is locked to its thread, whose CPU time
// is then its own; several are left to the scheduler, as a program's are.
func runCallers(s *subject, each, goroutines int) (wall, cpu time.Duration) {
	if goroutines == 1 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cpu0, t0 := threadCPU(), time.Now()
		s.log(each)
		return time.Since(t0), threadCPU() - cpu0
	}
	var mu sync.Mutex
	var done sync.WaitGroup
	start := make(chan struct{}) // closed when all callers are there
	for range goroutines {
		done.Go(func() {
			<-start
			t0 := time.Now()
			s.log(each)
			t1 := time.Now()
			mu.Lock()
			defer mu.Unlock()
			wall += t1.Sub(t0)
		})
	}
	close(start)
	done.Wait()
	return wall, 0
}
