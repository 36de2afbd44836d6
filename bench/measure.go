package main

import (
	"errors"
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

// measure sets a up, warms it up, and measures calls calls, spread over
// goroutines.
func measure(a arm, d destinations, calls, goroutines int) (s sample, err error) {
	subject, err := a.open(a, d)
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, subject.close(), d.cleared()) }()
	each := calls / goroutines
	runCallers(subject, each/warm, goroutines)
	_, _ = subject.settle(each / warm * goroutines) // what was warmed up need not count
	runtime.GC()

	process, start := processCPU(), time.Now()
	wall, thread := runCallers(subject, each, goroutines)
	s.calls = each * goroutines
	_, s.void = subject.settle(s.calls)
	s.elapsed, process = time.Since(start), processCPU()-process

	n := float64(s.calls)
	s.wall, s.threadCPU, s.processCPU = float64(wall)/n, float64(thread)/n, float64(process)/n
	return s, nil
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
