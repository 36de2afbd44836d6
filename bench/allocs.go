package main

import (
	"context"
	"errors"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// callAllocations returns how many heap objects a call of a pipeline allocates.
// The sinks are held inside a Write: what their deliveries allocate is not in it.
func callAllocations(a arm) (perCall float64, err error) {
	began := make(chan struct{}, a.sinks) // a sink is inside its first Write
	release := make(chan struct{})        // closed when the count is taken
	d := discard()
	d.route = func(int) fapilog.Route {
		first := true // a sink's Writes do not overlap
		return fapilog.Route{Sink: sink.Func(func(context.Context, []sink.Record) error {
			if first {
				first = false
				began <- struct{}{}
				<-release
			}
			return nil
		})}
	}
	d.release = func() { close(release) }
	s, err := a.open(a, d)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.log(2000) // more than a batch: nobody lingers
	for range a.sinks {
		<-began
	}
	const calls = 1000                                                   // which the journal has room for
	return testing.AllocsPerRun(1, func() { s.log(calls) }) / calls, nil // it rounds to whole numbers
}
