// Command bench measures what a log call costs its caller: fapilog and its
// peers, in turn, with the same record and the same number and kind of
// destinations. README.md says how, and what the figures do not say.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/fapilog/fapilog/sink"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	journal := sink.Bytes(8 << 20)
	rounds := flag.Int("rounds", 5, "how many times every arm runs")
	calls := flag.Int("calls", 0, "calls in one run; 0: enough for the journal's capacity 11 times")
	goroutines := flag.Int("goroutines", 1, "goroutines that call")
	fanout := flag.String("sinks", "1,3,8", "numbers of destinations")
	toFiles := flag.Bool("files", false, "write to files in a temporary directory instead of discarding")
	only := flag.String("arms", "", "measure only arms that match this `regexp`")
	flag.Var(&journal, "journal", "`size` of fapilog's journal")
	flag.Parse()

	sinks, err := numbers(*fanout)
	if err != nil {
		return err
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if *rounds < 1 || *goroutines < 1 || *calls < 0 || journal <= 0 {
		return fmt.Errorf("rounds, goroutines and journal must be positive")
	}
	d := discard()
	if *toFiles {
		dir, err := os.MkdirTemp("", "fapilog-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		d = files(dir)
	}
	r := report{
		command:     strings.Join(append([]string{"go run ."}, os.Args[1:]...), " "),
		destination: d.kind,
		calls:       *calls, goroutines: *goroutines, rounds: *rounds, journal: int64(journal),
	}
	if r.calls == 0 {
		r.calls = callsFor(r.journal)
	}
	for _, a := range allArms(r.journal, sinks) {
		if match.MatchString(a.String()) {
			r.results = append(r.results, result{arm: a})
		}
	}
	setupZerolog()
	if err := r.measure(d); err != nil {
		return err
	}
	r.write(os.Stdout)
	return nil
}

// measure runs all arms in turn, as often as there are rounds. Each round begins
// with another arm, so that none always follows the same neighbour's garbage or
// the machine's warming up.
func (r *report) measure(d destinations) error {
	n := len(r.results)
	for round := range r.rounds {
		for i := range n {
			x := &r.results[(i+round*n/r.rounds)%n]
			s, err := measure(x.arm, d, r.calls, r.goroutines)
			if err != nil {
				return fmt.Errorf("%s: %w", x.arm, err)
			}
			x.samples = append(x.samples, s)
			fmt.Fprintf(os.Stderr, "round %d of %d: %s: %.0f ns\n", round+1, r.rounds, x.arm, s.wall)
		}
	}
	return nil
}

func numbers(list string) ([]int, error) {
	var out []int
	for item := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-sinks: %q is no number of destinations", item)
		}
		out = append(out, n)
	}
	return out, nil
}
