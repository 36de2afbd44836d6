package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

const (
	backlogBytes = 64 << 20 // capacity of the journal: the default
	backlogSteps = 10       // in which it is filled, and in which as much again is offered
)

// scaleBacklog measures a call while the journal fills up behind a sink that
// hangs, and when it is full and each segment drops the oldest one.
func scaleBacklog(s *session) error {
	procs := []int{2, 1}
	names := []string{"fapilog, GOMAXPROCS 2", "fapilog, GOMAXPROCS 1"}
	samples, err := alternate(s, names, func(arm, _ int) ([][]float64, error) {
		return withProcs(procs[arm], func() (fills [][]float64, _ error) {
			for range turns {
				steps, err := fillUp(backlogBytes)
				if err != nil {
					return nil, err
				}
				fills = append(fills, steps)
			}
			return fills, nil
		})
	})
	if err != nil {
		return err
	}
	p := plot{
		Name: "backlog", Title: "Backlog of a sink that hangs, in a journal of 64 MiB",
		XLabel: "offered since it hangs, % of the journal; beyond 100 the oldest is dropped", YLabel: "caller's CPU, ns per call",
	}
	for arm, rounds := range samples {
		line := series{Name: names[arm]}
		for step := range rounds[0][0] {
			line.X = append(line.X, 100*float64(step)/backlogSteps)
			line.Y = append(line.Y, medianOfTurns(atSteps(rounds, step, step+1)))
		}
		p.Series = append(p.Series, line)
	}
	s.addPlot(p)

	for _, r := range []struct {
		question string
		from, to int // steps
	}{
		{"caller, the journal filling up behind a hung sink", 1, backlogSteps + 1},
		{"caller, the journal full, the oldest records dropped", backlogSteps + 1, 2*backlogSteps + 1},
	} {
		s.add(row{
			Question: r.question, Against: "fapilog itself with no backlog", Figure: "ns of the caller's CPU per call", Reach: scalingReach,
		}.compare(atSteps(samples[0], r.from, r.to), atSteps(samples[0], 0, 1)))
	}
	return nil
}

// atSteps returns the mean over some steps of each fill-up, by round and turn.
func atSteps(rounds [][][]float64, from, to int) [][]float64 {
	return figuresOf(rounds, func(steps []float64) (mean float64) {
		for _, v := range steps[from:to] {
			mean += v / float64(to-from)
		}
		return mean
	})
}

// fillUp returns the caller's CPU in ns per call: with a sink that keeps up, then
// with one that hangs, for each tenth of the journal's capacity, twice around. It
// fails where records are lost before the journal is full, or none after.
func fillUp(journalBytes int64) (steps []float64, err error) {
	g := gate{hangs: make(chan struct{}), release: make(chan struct{}), hung: make(chan struct{}, 1)}
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Journal:     journal.Config{MaxBytes: journalBytes},
		Diagnostics: slog.New(slog.DiscardHandler), // the loss is what is measured
		Defaults:    fapilog.Delivery{OnFull: fapilog.DropOldest},
		Routes:      []fapilog.Route{{Sink: sink.Func(g.write)}},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		close(g.release)
		err = errors.Join(err, p.Close(context.Background()))
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	log := slogCalls(p.Handler(), inCall)
	step := func(calls int) {
		began := threadCPU()
		log(calls)
		steps = append(steps, float64(threadCPU()-began)/float64(calls))
	}

	once := int(journalBytes) / recordBytes() // about
	log(once / warm)
	runtime.GC()
	step(once / warm)
	if err := p.Flush(context.Background()); err != nil {
		return nil, err
	}
	close(g.hangs)
	log(warm)
	<-g.hung
	log(once / 100)
	pending := p.Stats().Sinks[0]
	tenth := int(journalBytes * int64(pending.Pending) / pending.PendingBytes / backlogSteps)
	for i := range 2 * backlogSteps {
		step(tenth)
		lost := p.Stats().Sinks[0].Dropped[fapilog.DroppedOverflow]
		if i+2 < backlogSteps && lost > 0 || i > backlogSteps && lost == 0 {
			return nil, fmt.Errorf("%d records are lost after %d tenths of the journal's capacity", lost, i+1)
		}
	}
	return steps, nil
}

// gate is a sink that takes everything until it is told to hang.
type gate struct {
	hangs   chan struct{} // closed: Writes do not return
	hung    chan struct{} // one of them began; capacity 1
	release chan struct{} // closed: they do
}

func (g *gate) write(context.Context, []sink.Record) error {
	select {
	case <-g.hangs:
		select {
		case g.hung <- struct{}{}:
		default:
		}
		<-g.release
	default:
	}
	return nil
}
