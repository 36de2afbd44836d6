// Command bench compares fapilog with its peers: what a log call costs its caller,
// how records reach their destinations, memory, an idle pipeline. README.md says
// how, and what the figures do not say.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// defaultRounds is enough for a median, and few enough for all targets to be
// measured in a quarter of an hour.
const defaultRounds = 5

// targets returns all targets, in the order of the table.
func targets() []target {
	return []target{
		callerTarget(),
		filesTarget(),
		fanoutTarget(),
		hungTarget(),
		goroutinesTarget(),
		durableTarget(),
		efficiencyTarget(),
		lokiTarget(),
		pipeTarget(),
		memoryTarget(),
		idleTarget(),
		scalingTarget(),
	}
}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the program. It prints what was found as Markdown, and does not fail on
// account of a figure: a benchmark is no test.
func run(args []string, stdout, stderr io.Writer) error {
	journal := sink.Bytes(2 << 20)
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	list := fs.Bool("list", false, "list the targets")
	only := fs.String("target", "", "measure only these `targets`, separated by commas")
	rounds := fs.Int("rounds", defaultRounds, "how many times each arm runs; figures that count have 5 or more")
	fs.Var(&journal, "journal", "`size` of fapilog's journal, where a target's own rule does not say otherwise: loki takes 4 MiB at most, scaling 2 MiB, memory and idle 64 MiB")
	dir := fs.String("dir", "", "`directory` for the files that are written, on the file system to measure; default: that of temporary files")
	output := fs.String("o", "", "write what was found to this `file` as well, for -render")
	render := fs.Bool("render", false, "measure nothing: write the generated parts of the pages from "+figuresFile)
	if err := fs.Parse(args); err != nil {
		return err
	}
	switch {
	case fs.NArg() > 0:
		return fmt.Errorf("unexpected %q", fs.Arg(0))
	case *list:
		for _, t := range targets() {
			fmt.Fprintf(stdout, "%-12s %s\n", t.name, t.about)
		}
		return nil
	case *render:
		return renderPages(root)
	case *rounds < 1 || journal <= 0:
		return errors.New("rounds and journal must be positive")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	f := &figures{Command: strings.Join(append([]string{"go run ."}, args...), " "), Machine: thisMachine(), Rounds: *rounds, Journal: int64(journal), Modules: modules()}
	s := &session{rounds: *rounds, journal: int64(journal), log: stderr, figures: f}
	err = s.measure(chosen, *dir)
	if *output != "" {
		err = errors.Join(err, f.writeFile(*output))
	}
	f.write(stdout)
	return err
}

// choose returns the targets of a list, or all.
func choose(list string) ([]target, error) {
	all := targets()
	if list == "" {
		return all, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(t target) bool { return t.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no target %q; -list shows them", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// measure runs targets in a temporary directory below dir. One that fails does
// not keep the others from being measured.
func (s *session) measure(chosen []target, dir string) (err error) {
	s.dir, err = os.MkdirTemp(dir, "fapilog-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	setupZerolog()
	for _, t := range chosen {
		start := time.Now()
		if e := t.run(s); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", t.name, e))
		}
		fmt.Fprintf(s.log, "%s: %.0f s\n", t.name, time.Since(start).Seconds())
	}
	return err
}
