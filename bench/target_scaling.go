package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// scalingTarget measures whether anything grows faster than the work: what a call
// costs over the axes on which a program grows.
func scalingTarget() target {
	return target{"scaling", "cost per record over goroutines, sinks, record sizes and backlog; the plots", runScaling}
}

func runScaling(s *session) error {
	if threadCPU() == 0 {
		return errors.New("the CPU time of one thread is read on Linux only")
	}
	for _, axis := range []func(*session) error{scaleGoroutines, scaleSinks, scaleSizes, scaleBacklog} {
		if err := axis(s); err != nil {
			return err
		}
	}
	return nil
}

// There are many points, so each of them is measured shortly: fapilog with a
// journal that is soon filled ten times over, the peers with about as many calls.
const (
	scalingJournal = 2 << 20 // bytes
	scalingCalls   = 100_000
)

// scalingReach is the limit of what a unit of work may cost at the end of an axis,
// over its beginning. What is above 1 is for the noise of shared machines.
const scalingReach = 1.25

// curve is one line of a plot.
type curve struct {
	library string
	procs   int // GOMAXPROCS
	at      func(x int) (sample, error)
}

func (c curve) String() string { return fmt.Sprintf("%s, GOMAXPROCS %d", c.library, c.procs) }

// onBoth returns the curve of a library at GOMAXPROCS 2 and 1.
func onBoth(library string, at func(x int) (sample, error)) []curve {
	return []curve{{library, 2, at}, {library, 1, at}}
}

// sweep is what was measured: a side for each curve and x.
type sweep struct {
	xs     []int
	curves []curve
	sides  [][]side
}

// sweepOver measures every curve at every x, all of them in turn.
func sweepOver(s *session, xs []int, axis string, curves ...[]curve) (*sweep, error) {
	w := &sweep{xs: xs, curves: slices.Concat(curves...)}
	var names []string
	for _, c := range w.curves {
		for _, x := range xs {
			names = append(names, fmt.Sprintf("%s, %d %s", c, x, axis))
		}
	}
	samples, err := alternate(s, names, func(i, _ int) (sample, error) {
		c := w.curves[i/len(xs)]
		return withProcs(c.procs, func() (sample, error) { return c.at(xs[i%len(xs)]) })
	})
	if err != nil {
		return nil, err
	}
	for _, line := range slices.Collect(slices.Chunk(samples, len(xs))) {
		sides := make([]side, len(xs))
		for i := range sides {
			sides[i].rounds = byRound(line[i])
		}
		w.sides = append(w.sides, sides)
	}
	return w, nil
}

// withProcs calls f with another GOMAXPROCS.
func withProcs[T any](procs int, f func() (T, error)) (T, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	return f()
}

// A scaled figure is one of a sample that was measured at x.
type scaled func(s sample, x int) float64

func callerCPU(s sample, _ int) float64 { return s.threadCPU }
func wholeCPU(s sample, _ int) float64  { return s.processCPU }

// at returns the figure of all rounds of a curve at the i-th x.
func (w *sweep) at(curve, i int, figure scaled) [][]float64 {
	return w.sides[curve][i].of(func(s sample) float64 { return figure(s, w.xs[i]) })
}

// lines returns the medians of a figure, a series for each curve of a library, or
// of all libraries if that is empty. Points with a run that does not count are
// left out.
func (w *sweep) lines(library string, figure scaled) (lines []series) {
	for i, c := range w.curves {
		if library != "" && c.library != library {
			continue
		}
		line := series{Name: c.String()}
		for j, x := range w.xs {
			if w.sides[i][j].void() == "" {
				line.X = append(line.X, float64(x))
				line.Y = append(line.Y, medianOfTurns(w.at(i, j, figure)))
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// growth adds the row that compares the first curve, fapilog at GOMAXPROCS 2, at
// the last x with that at x from.
func (w *sweep) growth(s *session, r row, from int, figure scaled) {
	start, end := slices.Index(w.xs, from), len(w.xs)-1
	r = r.compare(w.at(0, end, figure), w.at(0, start, figure))
	r.Void = firstOf(w.sides[0][end].void(), w.sides[0][start].void())
	s.add(r)
}
