package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// result is an arm and its samples, one for each round.
type result struct {
	arm     arm
	samples []sample
}

// void returns why the arm's figures do not count, or nil.
func (r result) void() error {
	for _, s := range r.samples {
		if s.void != nil {
			return s.void
		}
	}
	return nil
}

// The figures of a sample, to be picked by their name.
func wallOf(s sample) float64       { return s.wall }
func threadCPUOf(s sample) float64  { return s.threadCPU }
func processCPUOf(s sample) float64 { return s.processCPU }
func allocsOf(s sample) float64     { return s.allocs }
func bytesOf(s sample) float64      { return s.bytes }

func (r result) median(of func(sample) float64) float64 {
	values := make([]float64, len(r.samples))
	for i, s := range r.samples {
		values[i] = of(s)
	}
	return median(values)
}

// median returns the middle of values, or the mean of the two in the middle.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// ratio is one arm's figure over another's.
type ratio struct {
	medians   float64 // median over median
	low, high float64 // of the rounds, each by itself
}

func ratioOf(a, b result, of func(sample) float64) (q ratio, ok bool) {
	if a.void() != nil || b.void() != nil || len(a.samples) == 0 || len(a.samples) != len(b.samples) || b.median(of) == 0 {
		return ratio{}, false
	}
	rounds := make([]float64, len(a.samples))
	for i := range rounds {
		rounds[i] = of(a.samples[i]) / of(b.samples[i])
	}
	return ratio{a.median(of) / b.median(of), slices.Min(rounds), slices.Max(rounds)}, true
}

func (q ratio) String() string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", q.medians, q.low, q.high)
}

// report is everything that one run of the program found.
type report struct {
	command     string
	destination string
	calls       int
	goroutines  int
	rounds      int
	journal     int64
	results     []result
}

func (r report) find(library, shape string, sinks int) (result, bool) {
	i := slices.IndexFunc(r.results, func(x result) bool {
		return x.arm.library == library && x.arm.detail == "" && x.arm.shape == shape && x.arm.sinks == sinks
	})
	if i < 0 {
		return result{}, false
	}
	return r.results[i], true
}

// write writes the report as Markdown.
func (r report) write(w io.Writer) {
	r.writeSetting(w)
	for _, shape := range []string{inCall, prebuilt} {
		r.writeTable(w, shape)
	}
	r.writeLedgers(w)
	r.writeClaims(w)
}

func (r report) writeSetting(w io.Writer) {
	fmt.Fprintf(w, "`%s`\n\n", r.command)
	fmt.Fprintf(w, "- %s %s/%s, GOMAXPROCS %d, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), cpuModel())
	fmt.Fprintf(w, "- destinations: %s; %d calls of a record of %d bytes or more, by %d goroutines, %d rounds; journal %d KiB, on-full=block\n",
		r.destination, r.calls, recordBytes(), r.goroutines, r.rounds, r.journal>>10)
	if info, ok := debug.ReadBuildInfo(); ok {
		var peers []string
		for _, m := range info.Deps {
			if m.Replace == nil {
				peers = append(peers, m.Path+" "+m.Version)
			}
		}
		fmt.Fprintf(w, "- %s\n", strings.Join(peers, ", "))
	}
}

func (r report) writeTable(w io.Writer, shape string) {
	results := slices.DeleteFunc(slices.Clone(r.results), func(x result) bool { return x.arm.shape != shape })
	if len(results) == 0 {
		return
	}
	slices.SortStableFunc(results, func(a, b result) int { return a.arm.sinks - b.arm.sinks })
	fmt.Fprintf(w, "\n%s\n\n", strings.ToUpper(shape[:1])+shape[1:])
	fmt.Fprintln(w, "| sinks | library | wall ns | thread CPU ns | CPU of all threads ns | allocs | heap B | fapilog ÷ this: wall | thread CPU |")
	fmt.Fprintln(w, "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, x := range results {
		library := x.arm.library
		if x.arm.detail != "" {
			library += ", " + x.arm.detail
		}
		if x.void() != nil {
			fmt.Fprintf(w, "| %d | %s | does not count | | | | | | |\n", x.arm.sinks, library)
			continue
		}
		fmt.Fprintf(w, "| %d | %s | %.0f | %.0f | %.0f | %.2f | %.0f | %s | %s |\n", x.arm.sinks, library,
			x.median(wallOf), x.median(threadCPUOf), x.median(processCPUOf), x.median(allocsOf), x.median(bytesOf),
			r.oursOver(x, wallOf), r.oursOver(x, threadCPUOf))
	}
}

// oursOver returns fapilog's figure over x's, with as many sinks and the same
// shape of call.
func (r report) oursOver(x result, of func(sample) float64) string {
	ours, ok := r.find(nameFapilog, x.arm.shape, x.arm.sinks)
	if !ok || x.arm.library == nameFapilog && x.arm.detail == "" {
		return ""
	}
	q, ok := ratioOf(ours, x, of)
	if !ok {
		return "–"
	}
	return q.String()
}

// writeLedgers writes what the pipelines' ledgers said in the last round, and
// every reason for which a figure does not count.
func (r report) writeLedgers(w io.Writer) {
	fmt.Fprintf(w, "\nLedgers of the last round, warming up included:\n\n")
	for _, x := range r.results {
		last := x.samples[len(x.samples)-1]
		if last.ledger != "" {
			fmt.Fprintf(w, "- %s: %s\n", x.arm, last.ledger)
		}
		if err := x.void(); err != nil {
			fmt.Fprintf(w, "- %s: does not count: %v\n", x.arm, err)
		}
	}
}

// writeClaims sets the figures beside what is promised.
func (r report) writeClaims(w io.Writer) {
	fmt.Fprintf(w, "\nPromised, and found:\n\n")
	for _, x := range r.results {
		if x.arm.library == nameFapilog && x.void() == nil {
			fmt.Fprintf(w, "- 0 allocations per call, %s: %.4f, those for each batch in the deliveries included; TestCallDoesNotAllocate counts the call's alone\n",
				x.arm, x.median(allocsOf))
		}
	}
	for _, shape := range []string{inCall, prebuilt} {
		for _, peer := range []string{namePhuslu, namePhusluLogger} {
			r.claim(w, shape, "wall ≤ 1.30 × "+peer, nameFapilog, 1, peer, 1, wallOf, 1.30)
			r.claim(w, shape, "thread CPU ≤ 1.30 × "+peer, nameFapilog, 1, peer, 1, threadCPUOf, 1.30)
		}
		r.claim(w, shape, "thread CPU with 8 sinks ≤ 1.05 × with 1", nameFapilog, 8, nameFapilog, 1, threadCPUOf, 1.05)
		r.claim(w, shape, "wall with 8 sinks ≤ 1.15 × with 1", nameFapilog, 8, nameFapilog, 1, wallOf, 1.15)
	}
}

func (r report) claim(w io.Writer, shape, text, over string, overSinks int, under string, underSinks int, of func(sample) float64, limit float64) {
	a, okA := r.find(over, shape, overSinks)
	b, okB := r.find(under, shape, underSinks)
	if !okA || !okB {
		return
	}
	q, ok := ratioOf(a, b, of)
	switch {
	case !ok:
		fmt.Fprintf(w, "- %s, %s: not measured\n", text, shape)
	case q.medians <= limit:
		fmt.Fprintf(w, "- %s, %s: **holds**, %s\n", text, shape, q)
	default:
		fmt.Fprintf(w, "- %s, %s: **does not hold**, %s\n", text, shape, q)
	}
}
