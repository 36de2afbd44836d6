package main

import "fmt"

// timing is an arm of a latency target and its samples.
type timing struct {
	arm     arm
	samples []latency
}

func (x timing) of(figure func(latency) float64) []float64 {
	values := make([]float64, len(x.samples))
	for i, l := range x.samples {
		values[i] = figure(l)
	}
	return values
}

func (x timing) void() string {
	for _, l := range x.samples {
		if l.void != nil {
			return l.void.Error()
		}
	}
	return ""
}

// timings times single calls of two arms in turn, each with its destinations.
func timings(s *session, arms [2]arm, d [2]func() destinations) (ours, theirs timing, err error) {
	samples, err := alternate(s, []string{arms[0].String(), arms[1].String()}, func(i int) (latency, error) {
		return measureLatency(arms[i], d[i](), max(callsFor(s.journal), leastCalls))
	})
	if err != nil {
		return ours, theirs, err
	}
	return timing{arms[0], samples[0]}, timing{arms[1], samples[1]}, nil
}

// compareTimes adds r with the figure of both sides.
func (s *session) compareTimes(r row, ours, theirs timing, figure func(latency) float64) {
	r = r.compare(ours.of(figure), theirs.of(figure))
	r.Void = firstOf(ours.void(), theirs.void())
	s.add(r)
}

// compareTails adds r with the median and the tail of the times of single calls,
// whose limits are the same wherever fapilog is compared with itself.
func (s *session) compareTails(r row, ours, theirs timing) {
	r.Note = fmt.Sprintf("the clock's own %.0f ns are in every time", clock())
	r.Figure, r.Reach, r.Goal = "p50 of a call, ns", 1.05, 1
	s.compareTimes(r, ours, theirs, p50Of)
	r.Figure, r.Reach, r.Goal = "p99.9 of a call, ns", 1.25, 1.1
	s.compareTimes(r, ours, theirs, p999Of)
}
