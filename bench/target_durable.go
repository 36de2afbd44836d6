package main

import (
	"fmt"

	"github.com/fapilog/fapilog"
)

func durableTarget() target {
	return target{"durable", "single calls, journal in files against memory; row 7", runDurable}
}

// runDurable measures when the calls before have offered the journals' capacity
// several times, so that the segments of both are used again, as they are in a
// process that runs for a while.
func runDurable(s *session) error {
	memory := pipeline{journalBytes: s.journal}
	durable := memory
	durable.journalDir = s.dir
	ours, theirs, err := timings(s, leastCalls, [2]arm{durable.arm("journal in files", inCall, 1), memory.arm("journal in memory", inCall, 1)},
		[2]func() destinations{discardNamed, discard})
	if err != nil {
		return err
	}
	s.compareTails(row{Number: 7, Question: "caller, journal in files", Against: "fapilog with its journal in memory"}, ours, theirs)
	return nil
}

// discardNamed discards too. A journal in files keeps under a sink's name how far
// it has come.
func discardNamed() destinations {
	d := discard()
	route := d.route
	d.route = func(i int) fapilog.Route {
		r := route(i)
		r.Name = fmt.Sprintf("discard-%d", i+1)
		return r
	}
	return d
}
