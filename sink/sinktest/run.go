package sinktest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// Run examines a sink: one subtest for each promise that a sink makes, and each in a
// bubble of [testing/synctest] with connections in memory, so that nothing takes time.
// It says in the end what was left out, and why.
//
// A sink that holds a [sync.Mutex] while it waits for the network stops the clock of
// such a bubble, and the test binary runs into its timeout.
func Run(t *testing.T, target Target) {
	t.Helper()
	var r Report
	for _, b := range behaviours() {
		if why := target.lacks(b); why != "" {
			r.LeftOut = append(r.LeftOut, Deviation{b.name, why})
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			r.examine(t, target, b)
			for _, d := range r.Deviations {
				if d.Behaviour == b.name {
					t.Error(d.Text)
				}
			}
		})
	}
	t.Log(r)
}

// Examine is [Run] without subtests: it fails nothing, and returns what it found. It
// examines only the behaviours of these names, if there are any.
func Examine(t *testing.T, target Target, only ...string) Report {
	t.Helper()
	var r Report
	for _, b := range behaviours() {
		if len(only) > 0 && !slices.Contains(only, b.name) {
			continue
		}
		if why := target.lacks(b); why != "" {
			r.LeftOut = append(r.LeftOut, Deviation{b.name, why})
			continue
		}
		r.examine(t, target, b)
	}
	return r
}

// Report is what was found out about a sink.
type Report struct {
	Examined   []string    // behaviours
	Answers    int         // kinds of answers that were compared with the table
	LeftOut    []Deviation // behaviours that were not examined, and why
	Deviations []Deviation // from what is promised; none: the sink passes
}

// Deviation is a behaviour that is not as it should be.
type Deviation struct {
	Behaviour string
	Text      string // what is wrong; of one that was left out: why
}

// String returns a line of numbers, and one for each behaviour that was left out and
// each deviation.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d behaviours and %d kinds of answers examined: %d deviations", len(r.Examined), r.Answers, len(r.Deviations))
	for _, d := range r.LeftOut {
		fmt.Fprintf(&b, "\nleft out: %s: %s", d.Behaviour, d.Text)
	}
	for _, d := range r.Deviations {
		fmt.Fprintf(&b, "\n%s: %s", d.Behaviour, d.Text)
	}
	return b.String()
}

// Behaviours returns the names of all behaviours that [Run] examines.
func Behaviours() (names []string) {
	for _, b := range behaviours() {
		names = append(names, b.name)
	}
	return names
}

// behaviour is a promise that a sink makes.
type behaviour struct {
	name  string
	needs need
	try   func(x *trial)
}

// need is what a target must have for a behaviour to mean something.
type need int

const (
	needsHTTP need = 1 << iota
	needsSecrets
)

// lacks returns why b cannot be examined; empty: it can.
func (t *Target) lacks(b behaviour) string {
	switch {
	case b.needs&needsHTTP != 0 && !t.HTTP:
		return "the sink does not speak HTTP"
	case b.needs&needsSecrets != 0 && len(t.Secrets) == 0:
		return "the target names no secrets"
	}
	return ""
}

// examine adds what comes of b to r.
func (r *Report) examine(t *testing.T, target Target, b behaviour) {
	x := &trial{target: &target}
	inBubble(t, x, b)
	if x.leftOut != "" {
		r.LeftOut = append(r.LeftOut, Deviation{b.name, x.leftOut})
	} else {
		r.Examined = append(r.Examined, b.name)
	}
	r.Answers += x.answers
	for _, text := range x.found {
		r.Deviations = append(r.Deviations, Deviation{b.name, text})
	}
}

// inBubble runs b in a bubble. What is left blocked in it is a deviation, and not the
// end of the test binary.
func inBubble(t *testing.T, x *trial, b behaviour) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if !strings.HasPrefix(fmt.Sprint(p), "deadlock:") {
			panic(p)
		}
		if len(x.found) == 0 {
			x.errorf("something waits for ever: %v", p)
		}
	}()
	synctest.Test(t, func(t *testing.T) { x.run(t, b) })
}

func behaviours() []behaviour {
	var all []behaviour
	for _, group := range [][]behaviour{deliveries, brokenConnections(), brokenAnswers(), strangeAnswers, verdicts, ends, errorTexts, pings} {
		all = append(all, group...)
	}
	return all
}
