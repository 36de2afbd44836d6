package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
)

// minLaps is how many times a measured run must offer the journal's capacity: a
// run that fits into the journal would measure the journal's memory, not what
// the pipeline sustains.
const minLaps = 10

// deliveryLimit is how long the sinks may take, after the calls, to be done.
const deliveryLimit = time.Minute

// pipeline says how fapilog is set up in an arm. No record is lost: a call waits
// when the journal is full, without limit.
type pipeline struct {
	journalBytes int64
	journalDir   string // an empty subdirectory of it has the journal; empty: memory
	redact       encode.Redact
	onFull       fapilog.OnFull // zero: Block
	diagnostics  *slog.Logger   // nil: standard error
	spared       int            // so many sinks, the first ones, do not count
	direct       bool           // Handler.LogAttrs instead of a slog.Logger
}

func (c pipeline) withoutRedaction() pipeline {
	c.redact = encode.Redact{Off: true}
	return c
}

// arm returns the pipeline as an arm.
func (c pipeline) arm(detail, shape string, sinks int) arm {
	return arm{library: nameFapilog, detail: detail, shape: shape, sinks: sinks, open: c.open}
}

func (c pipeline) open(a arm, d destinations) (*subject, error) {
	dir := c.journalDir
	if dir != "" {
		var err error
		if dir, err = os.MkdirTemp(dir, "journal-"); err != nil {
			return nil, err
		}
	}
	cfg := fapilog.Config{
		Journal:     journal.Config{Dir: dir, MaxBytes: c.journalBytes},
		Redact:      c.redact,
		Diagnostics: c.diagnostics,
		Defaults:    fapilog.Delivery{OnFull: fapilog.Block, BlockTimeout: fapilog.Forever},
	}
	if c.onFull != 0 {
		cfg.Defaults.OnFull = c.onFull
	}
	for i := range a.sinks {
		cfg.Routes = append(cfg.Routes, d.route(i))
	}
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	log := slogCalls(p.Handler(), a.shape)
	if c.direct {
		log = directCalls(p.Handler(), a.shape)
	}
	return &subject{
		log:   log,
		check: func(calls int) (string, error) { return c.check(p, calls) },
		close: func() error { return c.close(p, d, dir) },
	}, nil
}

// close lets go what hangs, closes p, and removes the journal's directory. What
// is left for sinks that are spared does not matter.
func (c pipeline) close(p *fapilog.Pipeline, d destinations, dir string) error {
	if d.release != nil {
		d.release()
	}
	err := p.Close(context.Background())
	if left := (*fapilog.UndeliveredError)(nil); c.spared > 0 && errors.As(err, &left) {
		err = nil
	}
	if dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// check waits until everything is delivered and reads the ledger: the figure
// counts only if nothing was lost and calls, the measured ones, offered the
// journal's capacity ten times.
func (c pipeline) check(p *fapilog.Pipeline, calls int) (string, error) {
	if err := c.wait(p); err != nil {
		return "", err
	}
	s := p.Stats()
	var delivered, pending uint64
	var lost int64
	for _, k := range s.Sinks[c.spared:] {
		delivered += k.Delivered
		pending += k.Pending
		lost += int64(s.Offered) - int64(k.Delivered)
	}
	laps := float64(calls) * float64(recordBytes()) / float64(c.journalBytes)
	ledger := fmt.Sprintf("offered %d, appended %d, delivered %d to %d sinks, lost %d, pending %d; %.1f × the journal",
		s.Offered, s.Appended, delivered, len(s.Sinks)-c.spared, lost, pending, laps)
	switch {
	case lost != 0 || c.spared == 0 && !s.Complete():
		return ledger, fmt.Errorf("records were lost: %s", ledger)
	case laps < minLaps:
		return ledger, fmt.Errorf("fewer than %d × the journal's capacity were offered: %s", minLaps, ledger)
	}
	return ledger, nil
}

// wait returns when every sink that counts has settled everything. Flush waits
// for those that are spared as well, so it is asked again and again.
func (c pipeline) wait(p *fapilog.Pipeline) error {
	limit := deliveryLimit
	if c.spared > 0 {
		limit = 20 * time.Millisecond
	}
	for end := time.Now().Add(deliveryLimit); ; {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		err := p.Flush(ctx)
		cancel()
		var left uint64
		for _, k := range p.Stats().Sinks[c.spared:] {
			left += k.Pending
		}
		if err == nil || left == 0 {
			return nil
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// recordBytes returns the least length of the record's JSON: no fraction of a
// second. What a frame adds to it in the journal is not counted.
func recordBytes() int {
	var b bytes.Buffer
	r := slog.NewRecord(time.Unix(0, 0).UTC(), slog.LevelInfo, message, 0)
	r.AddAttrs(attrs()...)
	if err := slog.NewJSONHandler(&b, nil).Handle(context.Background(), r); err != nil || !json.Valid(b.Bytes()) {
		panic("the record is no JSON")
	}
	return b.Len() - len("\n")
}

// callsFor returns how many calls offer the journal's capacity often enough.
func callsFor(journalBytes int64) int {
	return int(journalBytes*(minLaps+1)/int64(recordBytes())) + 1
}
