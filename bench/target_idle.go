package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/fapilog/fapilog"
)

func idleTarget() target {
	return target{name: "idle", about: "CPU time of an idle pipeline with 16 files", run: runIdle}
}

const (
	idleSinks = 16
	idleTime  = 10 * time.Second

	// settling is how long a pipeline has for what it does after its last record:
	// lingering, and giving back memory.
	settling = time.Second

	// The most CPU time, in percent of a core.
	idleReach, idleGoal = 0.5, 0.1
)

// runIdle runs its rounds at the same time: idle processes do not keep each other
// from anything.
func runIdle(s *session) error {
	samples, err := runIdlePipelines(s, settling, idleTime)
	if err != nil {
		return err
	}
	add := func(r row, figure func(idleSample) float64) {
		values := pick(samples, figure)
		r.Against, r.Ours, r.Ratio = "a limit", median(values), alone(values)
		s.add(r)
	}
	question := fmt.Sprintf("idle pipeline with %d files", idleSinks)
	add(row{
		Number: 12, Question: question, Figure: "% of a core", Reach: idleReach, Goal: idleGoal,
		Note: fmt.Sprintf("CPU time of the process in %d s, after its sinks have written.", int(idleTime.Seconds())),
	}, idleSample.percent)
	add(row{Question: question, Figure: "wake-ups per second", Note: "Voluntary context switches of all threads."}, idleSample.wakeups)
	return nil
}

// idleRole is a pipeline that has written to its files and has nothing more to
// do. Its arguments are a directory, how long it may settle and for how long it is
// watched then.
const idleRole = "idle"

// idleSample is what such a process tells.
type idleSample struct {
	Watched, CPU time.Duration
	Switches     int64
}

func (x idleSample) percent() float64 { return 100 * x.CPU.Seconds() / x.Watched.Seconds() }
func (x idleSample) wakeups() float64 { return float64(x.Switches) / x.Watched.Seconds() }

// runIdlePipelines watches one process for each round, all at once.
func runIdlePipelines(s *session, settle, watch time.Duration) ([]idleSample, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var children []*child
	var errs []error
	for i := range s.rounds {
		dir := filepath.Join(s.dir, fmt.Sprintf("idle-%d", i))
		if err := os.Mkdir(dir, 0o700); err != nil {
			errs = append(errs, err)
			break
		}
		c, err := startChild(ctx, idleRole, dir, settle.String(), watch.String())
		if err != nil {
			errs = append(errs, err)
			break
		}
		children = append(children, c)
	}
	samples := make([]idleSample, len(children))
	for i, c := range children {
		err := c.read(&samples[i])
		errs = append(errs, c.wait(), err)
	}
	return samples, errors.Join(errs...)
}

// idlePipeline implements idleRole.
func idlePipeline(_ io.Reader, tell func(any) error, args []string) error {
	dir := args[0]
	settle, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	watch, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	var cfg fapilog.Config
	for i := range idleSinks {
		to := url.URL{Scheme: "file", Path: filepath.Join(dir, strconv.Itoa(i)+".log")}
		cfg.Routes = append(cfg.Routes, fapilog.Route{URI: to.String()})
	}
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		return err
	}
	slogCalls(p.Handler(), inCall)(1000)
	if err := p.Flush(context.Background()); err != nil {
		return err
	}
	time.Sleep(settle)
	before, err := voluntarySwitches()
	if err != nil {
		return err
	}
	start, cpu := time.Now(), processCPU()
	time.Sleep(watch)
	x := idleSample{Watched: time.Since(start), CPU: processCPU() - cpu}
	after, err := voluntarySwitches()
	if err != nil {
		return err
	}
	x.Switches = after - before
	return errors.Join(p.Close(context.Background()), tell(x))
}
