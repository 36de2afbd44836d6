package main

import (
	"fmt"
	"io"
)

// A target answers one question of the table, or some that share their arms.
type target struct {
	name  string // as -target takes it
	about string // one line
	run   func(s *session) error
}

// session is one run of the program: how much is measured, where, and what was
// found. Targets run one after the other; nothing in it is for several
// goroutines.
type session struct {
	rounds  int       // alternating rounds, at least 5 for figures that count
	journal int64     // capacity of fapilog's journal in bytes
	dir     string    // temporary directory on a real file system, removed at the end
	log     io.Writer // progress
	figures *figures
}

// add adds a row, in the order of the table.
func (s *session) add(r row) {
	s.figures.Rows = append(s.figures.Rows, r)
	fmt.Fprintf(s.log, "%s; %s; %s: %s against %s: %s\n",
		r.Question, r.Against, r.Figure, amount(r.Ours), amount(r.Theirs), r.Ratio)
}

// addPlot adds a plot, in the order in which they are shown.
func (s *session) addPlot(p plot) { s.figures.Plots = append(s.figures.Plots, p) }

// alternate runs the arms in turn, s.rounds times, and returns the samples by arm
// and round. Each round begins with another arm, so that none always follows the
// same neighbour's garbage or the machine's warming up. The first error ends it.
func alternate[T any](s *session, names []string, run func(arm, round int) (T, error)) ([][]T, error) {
	n := len(names)
	samples := make([][]T, n)
	for round := range s.rounds {
		for i := range n {
			arm := (i + round) % n
			fmt.Fprintf(s.log, "round %d of %d: %s\n", round+1, s.rounds, names[arm])
			sample, err := run(arm, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", names[arm], err)
			}
			samples[arm] = append(samples[arm], sample)
		}
	}
	return samples, nil
}
