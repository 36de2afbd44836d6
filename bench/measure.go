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

// turns is how many turns each arm has in a round, a tenth of a second or two each. What
// else the machine does for some seconds then falls on all of them.
const turns = 4

// measure sets a up, warms it up, and measures calls calls, spread over
// goroutines.
func measure(a arm, d destinations, calls, goroutines int) (sample, error) {
	samples, err := measureByTurns([]arm{a}, []destinations{d}, []int{calls}, goroutines, 1, 0)
	if err != nil {
		return sample{}, err
	}
	return samples[0][0], nil
}

// measureByTurns is measure for several arms, each with its destinations and the calls
// that it makes in each turn. It returns the samples by arm and turn. A turn ends when the
// destinations have what was logged in it. Rounds and turns begin with different arms.
func measureByTurns(arms []arm, d []destinations, calls []int, goroutines, turns, round int) (samples [][]sample, err error) {
	subjects := make([]*subject, len(arms))
	samples = make([][]sample, len(arms))
	for i, a := range arms {
		subject, e := a.open(a, d[i])
		if e != nil {
			return samples, fmt.Errorf("%s: %w", a, e)
		}
		defer func() { err = errors.Join(err, subject.close(), d[i].removed()) }()
		each := calls[i] / goroutines / warm
		runCallers(subject, each, goroutines)
		_, _ = subject.settle(each * goroutines) // what was warmed up need not count
		subjects[i] = subject
	}
	for turn := range turns {
		for i := range subjects {
			if turn%2 == 1 { // neighbours change places
				i = len(subjects) - 1 - i
			}
			i = (i + turn/2 + round) % len(subjects)
			runtime.GC()
			samples[i] = append(samples[i], subjects[i].turn(calls[i]/goroutines, goroutines))
			err = errors.Join(err, d[i].cleared())
		}
	}
	return samples, err
}

// turn makes each calls on every goroutine.
func (s *subject) turn(each, goroutines int) sample {
	process, start := processCPU(), time.Now()
	wall, thread := runCallers(s, each, goroutines)
	calls := each * goroutines
	_, void := s.settle(calls)
	elapsed := time.Since(start)
	n := float64(calls)
	return sample{
		wall: float64(wall) / n, threadCPU: float64(thread) / n, processCPU: float64(processCPU()-process) / n,
		calls: calls, elapsed: elapsed, void: void,
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
