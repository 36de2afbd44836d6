package main

import (
	"errors"
	"slices"
	"testing"
)

func TestEveryCallIsTimed(t *testing.T) {
	n := 0
	var h histogram
	if h.time(1000, func() { n++ }); n != 1000 || h.n != 1000 {
		t.Errorf("%d calls, %d times; want 1000", n, h.n)
	}
}

// A journal in files, and one in memory, lose nothing and are given enough.
func TestTimedPipelinesCount(t *testing.T) {
	memory := pipeline{journalBytes: 1 << 20}
	durable := memory
	durable.journalDir = t.TempDir()
	arms := [2]arm{memory.arm("memory", inCall, 1), durable.arm("files", inCall, 1)}
	times, err := measureLatency(arms, [2]destinations{discardNamed(), discardNamed()}, callsFor(memory.journalBytes), 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range times {
		if l.void != nil || len(l.p50) != 3 || slices.Min(l.p50) <= 0 || l.p999 < slices.Min(l.p50) {
			t.Errorf("%s: p50 %v, want three; p99.9 %v; void for %v", arms[i], l.p50, l.p999, l.void)
		}
	}
}

// What goes wrong in one turn is not made good by the next, whoever keeps the ledger, and
// what closing and removing say is not lost.
func TestATurnThatDoesNotCountVoidsTheRound(t *testing.T) {
	dropped, closed, removed := errors.New("dropped"), errors.New("not closed"), errors.New("not removed")
	ofOpen := func(first error) arm {
		return arm{library: nameZap, shape: inCall, sinks: 1, open: func(arm, destinations) (*subject, error) {
			turn := -1 // the first is the warm-up, which need not count
			return &subject{
				log: func(int) {},
				check: func(int) (string, error) {
					if turn++; turn == 2 {
						return "", first
					}
					return "", nil
				},
				close: func() error { return closed },
			}, nil
		}}
	}
	d := destinations{remove: func() error { return removed }}
	times, err := measureLatency([2]arm{ofOpen(dropped), ofOpen(nil)}, [2]destinations{d, d}, 10, 3, 0)
	if times[0].void != dropped || times[1].void != nil || !errors.Is(err, closed) || !errors.Is(err, removed) {
		t.Errorf("single calls: void for %v and %v; %v", times[0].void, times[1].void, err)
	}
	samples, err := measureByTurns([]arm{ofOpen(dropped), ofOpen(nil)}, []destinations{d, d}, []int{10, 20}, 2, 3, 0)
	if !errors.Is(err, closed) || !errors.Is(err, removed) {
		t.Errorf("by turns: %v", err)
	}
	found := []side{{rounds: samples[:1]}, {rounds: samples[1:]}}
	if found[0].void() != dropped.Error() || found[1].void() != "" {
		t.Errorf("by turns: void for %q and %q", found[0].void(), found[1].void())
	}
	for i, want := range []int{10, 20} {
		calls := pick(samples[i], func(s sample) int { return s.calls })
		if !slices.Equal(calls, []int{want, want, want}) {
			t.Errorf("by turns: %v calls, want three times %d", calls, want)
		}
	}
}
