package main

import (
	"io"
	"testing"
	"time"
)

func TestIdlePipelinesAreWatchedOneForEachRound(t *testing.T) {
	if _, err := voluntarySwitches(); err != nil {
		t.Skip(err)
	}
	s := &session{rounds: 2, dir: t.TempDir(), log: io.Discard, figures: new(figures)}
	samples, err := runIdlePipelines(s, 0, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != s.rounds {
		t.Fatalf("%d samples, want %d", len(samples), s.rounds)
	}
	for _, x := range samples {
		if x.Watched < time.Millisecond || x.CPU < 0 || x.Switches < 1 {
			t.Errorf("%+v", x) // the main goroutine has slept once
		}
	}
}

func TestIdleFiguresAreByTheTimeThatWasWatched(t *testing.T) {
	x := idleSample{Watched: 10 * time.Second, CPU: 50 * time.Millisecond, Switches: 20}
	if x.percent() != 0.5 || x.wakeups() != 2 {
		t.Errorf("%v %% and %v wake-ups per second, want 0.5 and 2", x.percent(), x.wakeups())
	}
}
