package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
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
	redact       encode.Redact
	onFull       fapilog.OnFull // zero: Block
	diagnostics  *slog.Logger   // nil: standard error
}

func (c pipeline) withoutRedaction() pipeline {
	c.redact = encode.Redact{Off: true}
	return c
}

func (c pipeline) open(a arm, d destinations) (*subject, error) {
	cfg := fapilog.Config{
		Journal:     journal.Config{MaxBytes: c.journalBytes},
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
	return &subject{
		log:   slogCalls(p.Handler(), a.shape),
		check: func(calls int) (string, error) { return c.check(p, calls) },
		close: func() error { return p.Close(context.Background()) },
	}, nil
}

// check waits until everything is delivered and reads the ledger: the figure
// counts only if nothing was lost and calls, the measured ones, offered the
// journal's capacity ten times.
func (c pipeline) check(p *fapilog.Pipeline, calls int) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deliveryLimit)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		return "", err
	}
	s := p.Stats()
	var delivered, lost, pending uint64
	for _, k := range s.Sinks {
		delivered += k.Delivered
		pending += k.Pending
		lost += s.Offered - k.Delivered
	}
	laps := float64(calls) * float64(recordBytes()) / float64(c.journalBytes)
	ledger := fmt.Sprintf("offered %d, appended %d, delivered %d to %d sinks, lost %d, pending %d; %.1f × the journal",
		s.Offered, s.Appended, delivered, len(s.Sinks), lost, pending, laps)
	switch {
	case lost > 0 || !s.Complete():
		return ledger, fmt.Errorf("records were lost: %s", ledger)
	case laps < minLaps:
		return ledger, fmt.Errorf("fewer than %d × the journal's capacity were offered: %s", minLaps, ledger)
	}
	return ledger, nil
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
