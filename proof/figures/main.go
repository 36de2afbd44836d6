// Command figures measures what a durable journal costs, each figure beside what it is
// to be compared with, in turn and in one process:
//
//   - a whole log call, with a durable journal and with one in memory;
//   - an append to the journal alone, and one write(2) of as many bytes to a file in
//     append mode on the same file system.
//
// Before anything is measured the journal has been filled more than twice over, so
// that its segments are used again, as they are in a process that runs for a while.
// It prints Markdown, and exits with 0 whatever the figures are.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// settings are the same for both sides of a comparison.
type settings struct {
	dir          string // on the file system that is measured
	calls        int    // in one round
	journalBytes int64
	payload      int // bytes of a record that is appended without a pipeline
}

// sample is one round of one side.
type sample struct {
	mean   float64   // ns a call, without looking at the clock in between
	single []float64 // ns of every single call, sorted; the clock's own included, see clock
}

// side is one of the two things that are compared.
type side struct {
	name    string
	measure func(settings) (sample, error)
}

type comparison struct {
	title string
	sides [2]side // the figure is the first over the second
	most  float64 // what it is to be at most
}

var comparisons = []comparison{
	{"whole call", [2]side{{"durable", callDurable}, {"memory", callMemory}}, 1.3},
	{"append alone", [2]side{{"journal.Append", appendAlone}, {"write(2)", writeAlone}}, 0.15},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run() error {
	var s settings
	rounds := flag.Int("rounds", 5, "how many times each side is measured")
	flag.StringVar(&s.dir, "dir", "", "directory on the file system to measure; default: that of temporary files")
	flag.IntVar(&s.calls, "calls", 1_000_000, "calls in one round")
	flag.Int64Var(&s.journalBytes, "journal", 64<<20, "size of the journals in bytes")
	flag.IntVar(&s.payload, "payload", 200, "bytes of a record")
	flag.Parse()

	dir, err := os.MkdirTemp(s.dir, "fapilog-figures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.dir = dir
	fmt.Printf("%s, %s, %d processors; %d calls a round, %d rounds, journals of %d MiB\n\n",
		runtime.Version(), runtime.GOARCH, runtime.GOMAXPROCS(0), s.calls, *rounds, s.journalBytes>>20)
	for _, c := range comparisons {
		if err := c.run(s, *rounds); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

// run measures the sides in turn, each round beginning with the other one.
func (c comparison) run(s settings, rounds int) error {
	var samples [2][]sample
	for round := range rounds {
		for i := range c.sides {
			i = (i + round) % 2
			runtime.GC()
			got, err := c.sides[i].measure(s)
			if err != nil {
				return fmt.Errorf("%s: %w", c.sides[i].name, err)
			}
			samples[i] = append(samples[i], got)
		}
	}
	c.print(samples)
	return nil
}

func (c comparison) print(samples [2][]sample) {
	fmt.Printf("| %s, ns | mean | median | p99.9 | p99.99 |\n|---|---|---|---|---|\n", c.title)
	for i, side := range c.sides {
		fmt.Printf("| %s | %.1f", side.name, median(samples[i], func(s sample) float64 { return s.mean }))
		for _, q := range []float64{0.5, 0.999, 0.9999} {
			fmt.Printf(" | %.0f", median(samples[i], func(s sample) float64 { return s.quantile(q) }))
		}
		fmt.Println(" |")
	}
	var ratios []float64
	for i := range samples[0] {
		ratios = append(ratios, samples[0][i].mean/samples[1][i].mean)
	}
	slices.Sort(ratios)
	own := clock()
	fmt.Printf("\n%s ÷ %s: %.2f (%.2f to %.2f in %d rounds); medians of single calls, less the clock's own %.0f ns: %.2f; wanted: at most %.2f\n\n",
		c.sides[0].name, c.sides[1].name, ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], len(ratios),
		own, (median(samples[0], typical)-own)/(median(samples[1], typical)-own), c.most)
}

// quantile returns the time that a share q of the single calls stayed within.
func (s sample) quantile(q float64) float64 { return s.single[int(q*float64(len(s.single)-1))] }

func typical(s sample) float64 { return s.quantile(0.5) }

// median returns the median of a figure over the rounds.
func median(samples []sample, figure func(sample) float64) float64 {
	var all []float64
	for _, s := range samples {
		all = append(all, figure(s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
