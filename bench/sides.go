package main

import "fmt"

// side is an arm of a throughput target and its samples.
type side struct {
	arm    arm
	rounds [][]sample // by round and turn
}

// of returns a figure by round and turn.
func (x side) of(figure func(sample) float64) [][]float64 { return figuresOf(x.rounds, figure) }

// figuresOf returns a figure of samples by round and turn.
func figuresOf[T any](rounds [][]T, figure func(T) float64) [][]float64 {
	return pick(rounds, func(turns []T) []float64 { return pick(turns, figure) })
}

// void returns why the figures do not count; empty: they do.
func (x side) void() string {
	for _, turns := range x.rounds {
		for _, s := range turns {
			if s.void != nil {
				return s.void.Error()
			}
		}
	}
	return ""
}

// pick returns one figure of all samples.
func pick[S, F any](samples []S, figure func(S) F) []F {
	values := make([]F, len(samples))
	for i, s := range samples {
		values[i] = figure(s)
	}
	return values
}

// sides measures arms by turns, each with destinations of its own, on goroutines
// goroutines.
func sides(s *session, d func() (destinations, error), goroutines int, arms []arm) ([]side, error) {
	found := make([]side, len(arms))
	calls := make([]int, len(arms))
	for i, a := range arms {
		found[i].arm, calls[i] = a, a.calls(s.journal)
	}
	rounds, err := alternate(s, []string{fmt.Sprintf("%d arms", len(arms))}, func(_, round int) (_ [][]sample, err error) {
		own := make([]destinations, len(arms))
		for i := range own {
			if own[i], err = d(); err != nil {
				return nil, err
			}
		}
		return measureByTurns(arms, own, calls, goroutines, turns, round)
	})
	if err != nil {
		return nil, err
	}
	for _, turns := range rounds[0] {
		for i := range found {
			found[i].rounds = append(found[i].rounds, turns[i])
		}
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
		if !ok || before(medianOfTurns(x.of(figure)), medianOfTurns(found.of(figure))) {
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
