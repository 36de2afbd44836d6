package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
)

// figures is everything that one run found. Its JSON is figures.json, of which
// the generated parts of the pages are made.
type figures struct {
	Command string
	Machine machine
	Rounds  int
	Journal int64    // bytes, unless a row says otherwise
	Modules []module // the peers, and what they require
	Rows    []row
	Plots   []plot
}

// machine is where the figures were found.
type machine struct {
	CPU    string
	Cores  int // GOMAXPROCS
	Kernel string
	Go     string
}

type module struct{ Path, Version string }

// row is one line of the table: a question, both sides.
type row struct {
	Number   int    // of the question, 1 to 12; 0: shown beside
	Question string // "caller, 5 attributes, 1 sink"
	Against  string // "phuslu/log SlogNewJSONHandler to io.Discard"; empty: the question is no ratio
	Figure   string // "ns per call", "p99.9 ns", "records per CPU-second", …

	Ours, Theirs float64  // medians of all turns; Theirs 0: the question is no ratio
	Ratio        quotient // Ours over Theirs; where the question is no ratio its Median is Ours

	Reach, Goal float64 // limits of Ratio.Median; 0: none
	AtLeast     bool    // the limits are least values: greater is better

	// Note is what the peer can lose or where it blocks, or how the two sides
	// differ. Void is why the figure does not count; empty: it does.
	Note, Void string
}

// reached reports whether the ratio keeps to limit.
func (r row) reached(limit float64) bool {
	if r.AtLeast {
		return r.Ratio.Median >= limit
	}
	return r.Ratio.Median <= limit
}

// quotient is one side's figure over the other's, in each turn by itself: what else
// the machine does for some seconds then falls on both. A round's is the median of its turns'.
type quotient struct {
	Median          float64 // of the rounds
	Least, Greatest float64 // of them
}

// quotientOf compares two arms by round and turn, of which both have as many.
// Nothing over nothing is 1, and something over nothing the greatest number, as
// JSON has no infinity.
func quotientOf(ours, theirs [][]float64) quotient {
	rounds := make([]float64, len(ours))
	for i := range ours {
		turns := make([]float64, len(ours[i]))
		for j := range turns {
			turns[j] = over(ours[i][j], theirs[i][j])
		}
		rounds[i] = median(turns)
	}
	return alone(rounds)
}

func over(a, b float64) float64 {
	switch {
	case b != 0:
		return a / b
	case a == 0:
		return 1
	}
	return math.MaxFloat64
}

// alone is the quotient of a question that is no ratio, of the figures of its rounds.
func alone(rounds []float64) quotient {
	return quotient{median(rounds), slices.Min(rounds), slices.Max(rounds)}
}

// byRound returns values by round and turn, where a round has one turn.
func byRound[T any](values []T) [][]T {
	return slices.Collect(slices.Chunk(values, 1))
}

// medianOfTurns returns the median of all turns of all rounds.
func medianOfTurns(values [][]float64) float64 { return median(slices.Concat(values...)) }

func (q quotient) String() string {
	return fmt.Sprintf("%s (%s–%s)", fraction(q.Median), fraction(q.Least), fraction(q.Greatest))
}

// median returns the middle of values, or the mean of the two in the middle.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n == 0 {
		return 0
	}
	return v[(n-1)/2]/2 + v[n/2]/2 // the sum might be too great
}

// compare makes r's figures of both sides', by round and turn.
func (r row) compare(ours, theirs [][]float64) row {
	r.Ours, r.Theirs, r.Ratio = medianOfTurns(ours), medianOfTurns(theirs), quotientOf(ours, theirs)
	return r
}

// plot is one SVG: lines over an axis.
type plot struct {
	Name                  string // of the file, without .svg
	Title, XLabel, YLabel string
	LogX, LogY            bool
	Series                []series
}

type series struct {
	Name string
	X, Y []float64
}

// thisMachine describes where the program runs.
func thisMachine() machine {
	return machine{
		CPU: cpuModel(), Cores: runtime.GOMAXPROCS(0), Kernel: kernel(),
		Go: fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
	}
}

// modules returns the versions of everything that is compiled in, but fapilog.
func modules() (found []module) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, m := range info.Deps {
		if m.Replace == nil {
			found = append(found, module{m.Path, m.Version})
		}
	}
	return found
}

func readFigures(path string) (*figures, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := new(figures)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func (f *figures) writeFile(path string) error {
	text, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
