package main

import (
	"errors"
	"runtime"
	"sync"
	"time"
)

// sample is what one run cost. All are per call.
type sample struct {
	wall       float64 // ns that a caller spends in a call
	threadCPU  float64 // ns of CPU time of the calling threads; 0 where the system does not tell
	processCPU float64 // ns of CPU time of all threads until the last record is delivered; likewise
	allocs     float64 // heap objects, of all goroutines
	bytes      float64 // heap bytes, of all goroutines

	ledger string // of a pipeline, when it has one
	void   error  // why the figures do not count, or nil
}

// measure sets a up, warms it up with a fifth of the calls, and measures calls
// calls, spread over goroutines that are each locked to a thread.
func measure(a arm, d destinations, calls, goroutines int) (s sample, err error) {
	subject, err := a.open(a, d)
	if err != nil {
		return sample{}, err
	}
	defer func() {
		err = errors.Join(err, subject.close())
		if d.clear != nil {
			err = errors.Join(err, d.clear())
		}
	}()
	each := calls / goroutines
	runCallers(subject, each/5, goroutines)
	if subject.check != nil {
		_, _ = subject.check(each / 5 * goroutines) // waits; what was warmed up need not count
	}
	runtime.GC()

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	process := processCPU()
	wall, thread := runCallers(subject, each, goroutines)
	if subject.check != nil {
		s.ledger, s.void = subject.check(each * goroutines)
	}
	process = processCPU() - process
	runtime.ReadMemStats(&after)

	n := float64(each * goroutines)
	s.wall, s.threadCPU, s.processCPU = float64(wall)/n, float64(thread)/n, float64(process)/n
	s.allocs = float64(after.Mallocs-before.Mallocs) / n
	s.bytes = float64(after.TotalAlloc-before.TotalAlloc) / n
	return s, nil
}

// runCallers makes each calls on every goroutine and returns the sums of their
// wall and CPU times.
func runCallers(s *subject, each, goroutines int) (wall, cpu time.Duration) {
	var mu sync.Mutex
	var ready, done sync.WaitGroup
	start := make(chan struct{}) // closed when all callers have their thread
	ready.Add(goroutines)
	for range goroutines {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-start
			cpu0, t0 := threadCPU(), time.Now()
			s.log(each)
			t1, cpu1 := time.Now(), threadCPU()
			mu.Lock()
			defer mu.Unlock()
			wall += t1.Sub(t0)
			cpu += cpu1 - cpu0
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return wall, cpu
}
