package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

func memoryTarget() target {
	return target{name: "memory", about: "resident memory with 16 dead sinks", run: runMemory}
}

const (
	deadCount   = 16
	deadOffered = 5_000_000
	mebibyte    = 1 << 20
	deadJournal = 64 * mebibyte // the default capacity

	// The most resident memory over the journal's capacity, in MiB: one for each
	// cursor and eight for everything else.
	memoryReach = deadCount + 8
)

func runMemory(s *session) error {
	samples, err := alternate(s, []string{"fapilog, 16 dead sinks"}, func(int, int) (memorySample, error) {
		return runDeadSinks(deadOffered, deadJournal)
	})
	if err != nil {
		return err
	}
	found := samples[0]
	over := pick(found, memorySample.over)
	s.add(row{
		Number: 11, Question: fmt.Sprintf("resident memory over the journal's %d MiB, %d dead sinks, %d million records",
			deadJournal/mebibyte, deadCount, deadOffered/1_000_000),
		Against: "a limit", Figure: "MiB at most", Ours: median(over), Ratio: alone(over), Reach: memoryReach, Goal: memoryReach / 2,
		Note: fmt.Sprintf("VmHWM less the journal's capacity and less what the process, which has all peers in it, had before the pipeline was opened: %.1f MiB. "+
			"Half of the sinks refuse every batch, half hang in their first one; drop-oldest, journal in memory.", median(pick(found, memorySample.before))),
		Void: firstOf(pick(found, memorySample.void)...),
	})
	return nil
}

// memoryRole is a pipeline whose sinks are all dead. Its arguments are
// how many records are offered, and the journal's capacity in bytes.
const memoryRole = "memory"

// memorySample is what such a process tells at its end. Sizes are in bytes.
type memorySample struct {
	Before   float64 // resident before the pipeline was opened
	Peak     float64 // resident at most
	Capacity float64 // of the journal

	Offered, Delivered, Dropped uint64 // of all sinks, but for what is offered
	Want                        uint64 // records that were logged
}

func (m memorySample) before() float64 { return m.Before / mebibyte }
func (m memorySample) over() float64   { return (m.Peak - m.Before - m.Capacity) / mebibyte }

// void returns why the sample does not count, or nothing: what was offered must
// have gone through the journal, and the sinks must have been dead.
func (m memorySample) void() string {
	if m.Offered != m.Want || m.Delivered != 0 || m.Dropped == 0 {
		return fmt.Sprintf("%d records of %d were offered, %d delivered and %d dropped", m.Offered, m.Want, m.Delivered, m.Dropped)
	}
	return ""
}

// runDeadSinks offers records to 16 dead sinks, in a process of its own.
func runDeadSinks(records, capacity int) (m memorySample, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := startChild(ctx, memoryRole, strconv.Itoa(records), strconv.Itoa(capacity))
	if err != nil {
		return m, err
	}
	err = c.read(&m)
	return m, errors.Join(c.wait(), err)
}

// deadSinks implements memoryRole.
func deadSinks(_ io.Reader, tell func(any) error, args []string) error {
	records, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	capacity, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what was needed once is not to be used again unseen
	now, _, err := residentMemory()
	if err != nil {
		return err
	}
	cfg := fapilog.Config{
		Journal:     journal.Config{MaxBytes: int64(capacity)},
		Defaults:    fapilog.Delivery{OnFull: fapilog.DropOldest},
		Diagnostics: slog.New(slog.DiscardHandler),
	}
	for i := range deadCount {
		cfg.Routes = append(cfg.Routes, fapilog.Route{Sink: dead(i%2 == 0)})
	}
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		return err
	}
	const callers = 2
	log := slogCalls(p.Handler(), inCall)
	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() { log(records / callers) })
	}
	calls.Wait()
	_, peak, err := residentMemory()
	if err != nil {
		return err
	}
	stats := p.Stats()
	m := memorySample{
		Before: float64(now), Peak: float64(peak), Capacity: float64(capacity),
		Offered: stats.Offered, Want: uint64(records),
	}
	for _, k := range stats.Sinks {
		m.Delivered += k.Delivered
		for _, n := range k.Dropped {
			m.Dropped += n
		}
	}
	return tell(m) // the end of the process is the end of the pipeline: its sinks hang
}

// dead returns a sink that refuses every batch, or hangs in its first one
// whatever its context says.
func dead(refuses bool) sink.Func {
	return func(context.Context, []sink.Record) error {
		if refuses {
			return errors.New("down")
		}
		select {}
	}
}
