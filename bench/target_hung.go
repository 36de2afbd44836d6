package main

import (
	"context"
	"log/slog"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

func hungTarget() target {
	return target{"hung", "single calls, 8 sinks, one of them hung or none; row 5", runHung}
}

// hungSinks is how many sinks row 5 has. The one that hangs, or might, drops the
// oldest records when the journal is full; all others keep the caller from
// overtaking them, and lose nothing.
const hungSinks = 8

func runHung(s *session) error {
	ours := pipeline{journalBytes: s.journal, spared: 1, diagnostics: slog.New(slog.DiscardHandler)}
	hung, none, err := timings(s, 3*leastCalls, // few of them are slow
		[2]arm{ours.arm("one of 8 sinks hung", inCall, hungSinks), ours.arm("none of 8 sinks hung", inCall, hungSinks)},
		[2]func() destinations{firstHangs, firstMayDrop})
	if err != nil {
		return err
	}
	r := row{Number: 5, Question: "caller, one of 8 sinks hung", Against: "fapilog with none of 8 hung"}
	s.compareTails(r, hung, none)
	r.Figure, r.Reach, r.Goal = "calls over 1 ms, in a million", 1.1, 1
	s.compareTimes(r, hung, none, slowOf)
	return nil
}

// firstMayDrop returns destinations that discard, the first of which drops the
// oldest records where it does not keep up.
func firstMayDrop() destinations { return withFirst(func() {}) }

// firstHangs returns the same, the first of which is never done with its first
// batch.
func firstHangs() destinations {
	over := make(chan struct{}) // closed when the run is over
	d := withFirst(func() { <-over })
	d.release = func() { close(over) }
	return d
}

func withFirst(write func()) destinations {
	d := discard()
	others := d.route
	d.route = func(i int) fapilog.Route {
		if i > 0 {
			return others(i)
		}
		return fapilog.Route{
			Delivery: fapilog.Delivery{OnFull: fapilog.DropOldest},
			Sink:     sink.Func(func(context.Context, []sink.Record) error { write(); return nil }),
		}
	}
	return d
}
