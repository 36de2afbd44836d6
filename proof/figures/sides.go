package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// chunk is how many calls are made between two of what is not measured.
const chunk = 4096

// timed makes calls calls, first without and then with a look at the clock after each.
// between is called after each chunk of them, outside the measured time.
func timed(calls int, call func(), between func() error) (s sample, err error) {
	var total time.Duration
	for done := 0; done < calls; done += chunk {
		start := time.Now()
		for range chunk {
			call()
		}
		total += time.Since(start)
		if err := between(); err != nil {
			return s, err
		}
	}
	s.mean = float64(total) / float64((calls+chunk-1)/chunk*chunk)
	s.single = make([]float64, calls+chunk)
	clear(s.single) // so that no page is touched for the first time below
	s.single = s.single[:0]
	for len(s.single) < calls {
		last := time.Now()
		for range chunk {
			call()
			now := time.Now()
			s.single = append(s.single, float64(now.Sub(last)))
			last = now
		}
		if err := between(); err != nil {
			return s, err
		}
	}
	slices.Sort(s.single)
	return s, nil
}

// clock returns what looking at the clock takes of a single call, in nanoseconds.
func clock() float64 {
	s, _ := timed(1<<20, func() {}, func() error { return nil })
	return s.quantile(0.5)
}

func callMemory(s settings) (sample, error) { return callPipeline(s, "") }

func callDurable(s settings) (result sample, err error) {
	dir := filepath.Join(s.dir, "calls")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return callPipeline(s, dir)
}

// callPipeline measures calls of a pipeline whose sink discards, and which loses
// nothing: a call waits where the sink does not keep up.
func callPipeline(s settings, dir string) (result sample, err error) {
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Journal:  journal.Config{Dir: dir, MaxBytes: s.journalBytes},
		Routes:   []fapilog.Route{{Name: "discard", Sink: sink.Func(func(context.Context, []sink.Record) error { return nil })}},
		Defaults: fapilog.Delivery{OnFull: fapilog.Block, BlockTimeout: fapilog.Forever},
	})
	if err != nil {
		return result, err
	}
	defer func() {
		stats := p.Stats()
		err = errors.Join(err, p.Close(context.Background()))
		if lost := stats.Sinks[0].Dropped; err == nil && len(lost) > 0 {
			err = fmt.Errorf("records were lost: %v", lost)
		}
	}()
	logger := p.Logger()
	call := func() {
		logger.LogAttrs(context.Background(), slog.LevelInfo, "request served", slog.String("method", "GET"),
			slog.String("path", "/api/v1/orders/8812"), slog.Int("status", 200), slog.Duration("took", 1234*time.Microsecond))
	}
	for range 3 * s.journalBytes / 200 {
		call()
	}
	if err := p.Flush(context.Background()); err != nil {
		return result, err
	}
	return timed(s.calls, call, func() error { return nil })
}

// appendAlone measures appends; a cursor keeps up, outside the measured time.
func appendAlone(s settings) (result sample, err error) {
	dir := filepath.Join(s.dir, "appends")
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	j, err := journal.Open(journal.Config{Dir: dir, MaxBytes: s.journalBytes})
	if err != nil {
		return result, err
	}
	defer j.Close()
	c := j.NewCursor(journal.CursorConfig{Key: "keeps-up"})
	j.Ready()
	payload, now := make([]byte, s.payload), time.Now()
	var failed error
	var b journal.Batch
	call := func() {
		if err := j.Append(now, slog.LevelInfo, payload); err != nil {
			failed = err
		}
	}
	keepUp := func() error {
		n, _ := c.Read(&b, journal.ReadLimits{MinLevel: slog.LevelError})
		return errors.Join(failed, c.Ack(c.Position().Next, journal.Tally{Filtered: uint64(n)}))
	}
	perChunk := int64(chunk * (s.payload + journal.FrameOverhead))
	for range 3*s.journalBytes/perChunk + 1 {
		for range chunk {
			call()
		}
		if err := keepUp(); err != nil {
			return result, err
		}
	}
	if h := j.Health(); !h.OnDisk {
		return result, fmt.Errorf("the journal is not on disk: %v", h.Err)
	}
	return timed(s.calls, call, keepUp)
}

// writeAlone measures a write of a frame. The file is cut now and then, outside the
// measured time, so that it takes no more room than the journal.
func writeAlone(s settings) (result sample, err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, "writes"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	frame := make([]byte, (s.payload+journal.FrameOverhead)&^7)
	var written int64
	var failed error
	return timed(s.calls, func() {
		if _, err := f.Write(frame); err != nil {
			failed = err
		}
	}, func() error {
		if written += int64(chunk * len(frame)); written < s.journalBytes {
			return failed
		}
		written = 0
		return errors.Join(failed, f.Truncate(0))
	})
}
