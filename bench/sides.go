package main

// side is an arm of a throughput target and its samples.
type side struct {
	arm     arm
	samples []sample
}

// of returns a figure of all rounds.
func (x side) of(figure func(sample) float64) []float64 {
	values := make([]float64, len(x.samples))
	for i, s := range x.samples {
		values[i] = figure(s)
	}
	return values
}

// void returns why the figures do not count; empty: they do.
func (x side) void() string {
	for _, s := range x.samples {
		if s.void != nil {
			return s.void.Error()
		}
	}
	return ""
}

// sides measures arms in turn, on goroutines goroutines.
func sides(s *session, d destinations, goroutines int, arms []arm) ([]side, error) {
	names := make([]string, len(arms))
	for i, a := range arms {
		names[i] = a.String()
	}
	samples, err := alternate(s, names, func(i int) (sample, error) {
		return measure(arms[i], d, arms[i].calls(s.journal), goroutines)
	})
	if err != nil {
		return nil, err
	}
	found := make([]side, len(arms))
	for i, a := range arms {
		found[i] = side{a, samples[i]}
	}
	return found, nil
}

// compare adds r with the figure of both sides.
func (s *session) compare(r row, ours, theirs side, figure func(sample) float64) {
	r = r.compare(ours.of(figure), theirs.of(figure))
	r.Void = firstOf(ours.void(), theirs.void())
	s.add(r)
}

// best returns the one of sides that is before all others, of the peers that are
// asked for and whose figures count; without one, ok is false.
func best(sides []side, figure func(sample) float64, before func(a, b float64) bool, wanted func(peer) bool) (found side, ok bool) {
	for _, x := range sides {
		if !wanted(peerNamed(x.arm.library)) || x.void() != "" {
			continue
		}
		if !ok || before(median(x.of(figure)), median(found.of(figure))) {
			found, ok = x, true
		}
	}
	return found, ok
}

func less(a, b float64) bool    { return a < b }
func greater(a, b float64) bool { return a > b }

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
