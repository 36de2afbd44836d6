package main

// The libraries as the plots name them.
const (
	scaledOurs   = "fapilog"
	scaledPhuslu = "phuslu/log"
	scaledZap    = "zap"
)

// openScaled returns the arm of a library for the record of the table.
func openScaled(library string, sinks int) arm {
	a := arm{library: library, shape: inCall, sinks: sinks}
	switch library {
	case scaledPhuslu:
		a.open = openPhuslu
	case scaledZap:
		a.open = openZap
	default:
		a.open = pipeline{journalBytes: scalingJournal}.open
	}
	return a
}

// scaledCalls returns how often a library is called in a run. zap encodes for each
// sink anew, so it is called less often.
func scaledCalls(library string, sinks int) int {
	switch library {
	case scaledOurs:
		return callsFor(scalingJournal)
	case scaledZap:
		return scalingCalls / sinks
	}
	return scalingCalls
}

// scaleGoroutines measures callers in each other's way: the CPU time of all
// threads, which is the peers' callers alone and, with fapilog, its deliveries
// too.
func scaleGoroutines(s *session) error {
	curves := func(library string) []curve {
		return onBoth(library, func(goroutines int) (sample, error) {
			return measure(openScaled(library, 1), discard(), scaledCalls(library, 1), goroutines)
		})
	}
	w, err := sweepOver(s, []int{1, 2, 4, 8, 16, 32, 64}, "goroutines", curves(scaledOurs), curves(scaledPhuslu), curves(scaledZap))
	if err != nil {
		return err
	}
	w.growth(s, row{
		Question: "64 goroutines, 1 sink", Against: "fapilog itself with 1 goroutine", Figure: "ns of CPU per record, all threads", Reach: scalingReach,
	}, 1, wholeCPU)
	s.addPlot(plot{
		Name: "goroutines", Title: "Goroutines that log at the same time, destinations that discard",
		XLabel: "goroutines", YLabel: "CPU of all threads, ns per record", LogX: true,
		Series: w.lines("", wholeCPU),
	})
	return nil
}

// scaleSinks measures what more destinations cost: the caller, and the process.
func scaleSinks(s *session) error {
	curves := func(library string) []curve {
		return onBoth(library, func(sinks int) (sample, error) {
			return measure(openScaled(library, sinks), discard(), scaledCalls(library, sinks), 1)
		})
	}
	w, err := sweepOver(s, []int{1, 2, 4, 8, 16}, "sinks", curves(scaledOurs), curves(scaledPhuslu), curves(scaledZap))
	if err != nil {
		return err
	}
	w.growth(s, row{
		Question: "caller, 16 sinks", Against: "fapilog itself with 1 sink", Figure: "ns of the caller's CPU per call", Reach: scalingReach,
	}, 1, callerCPU)
	w.growth(s, row{
		Question: "16 sinks, deliveries too", Against: "fapilog itself with 1 sink", Figure: "ns of CPU per record and sink, all threads", Reach: 1,
	}, 1, func(s sample, sinks int) float64 { return s.processCPU / float64(sinks) })
	whole := w.lines(scaledOurs, wholeCPU)
	for i := range whole {
		whole[i].Name = "deliveries too" + whole[i].Name[len(scaledOurs):]
	}
	s.addPlot(plot{
		Name: "sinks", Title: "Destinations, all of which discard", XLabel: "sinks", YLabel: "caller's CPU, ns per call", LogX: true, LogY: true,
		Series: append(w.lines("", callerCPU), whole...),
	})
	return nil
}
