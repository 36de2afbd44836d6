package main

import "fmt"

// timing is an arm of a latency target and its samples.
type timing struct {
	arm    arm
	rounds []latency
}

func (x timing) void() string {
	for _, l := range x.rounds {
		if l.void != nil {
			return l.void.Error()
		}
	}
	return ""
}

// timings times least single calls in a round of two arms by turns, each with its
// destinations.
func timings(s *session, least int, arms [2]arm, d [2]func() destinations) (ours, theirs timing, err error) {
	name := arms[0].String() + ", and " + arms[1].String()
	calls := callsFor(s.journal)
	samples, err := alternate(s, []string{name}, func(_, round int) ([2]latency, error) {
		return measureLatency(arms, [2]destinations{d[0](), d[1]()}, calls, (least+calls-1)/calls, round)
	})
	if err != nil {
		return ours, theirs, err
	}
	ours.arm, theirs.arm = arms[0], arms[1]
	for _, both := range samples[0] {
		ours.rounds = append(ours.rounds, both[0])
		theirs.rounds = append(theirs.rounds, both[1])
	}
	return ours, theirs, nil
}

// compareTimes adds r with the figure of both sides' rounds, by turn or in one.
func (s *session) compareTimes(r row, ours, theirs timing, figure func(latency) []float64) {
	r = r.compare(pick(ours.rounds, figure), pick(theirs.rounds, figure))
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
