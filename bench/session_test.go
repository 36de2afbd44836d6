package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestEachRoundBeginsWithAnotherArm(t *testing.T) {
	s := &session{rounds: 3, log: io.Discard}
	var order []int
	samples, err := alternate(s, []string{"a", "b"}, func(arm, round int) (int, error) {
		if round != len(order)/2 {
			t.Errorf("run %d is told to be of round %d", len(order), round)
		}
		order = append(order, arm)
		return len(order), nil
	})
	if want := []int{0, 1, 1, 0, 0, 1}; err != nil || !slices.Equal(order, want) {
		t.Errorf("order %v, want %v; %v", order, want, err)
	}
	if !slices.Equal(samples[0], []int{1, 4, 5}) || !slices.Equal(samples[1], []int{2, 3, 6}) {
		t.Errorf("samples are not by arm and round: %v", samples)
	}
}

func TestErrorOfAnArmNamesIt(t *testing.T) {
	s := &session{rounds: 1, log: io.Discard}
	_, err := alternate(s, []string{"a", "b"}, func(arm, _ int) (int, error) {
		return 0, map[int]error{1: errors.New("no room")}[arm]
	})
	if err == nil || err.Error() != "b: no room" {
		t.Errorf("%v", err)
	}
}

func TestTargetThatFailsKeepsNoOtherFromBeingMeasured(t *testing.T) {
	s := &session{rounds: 1, log: io.Discard, figures: &figures{}}
	var dir string
	err := s.measure([]target{
		{name: "first", run: func(*session) error { return errors.New("no room") }},
		{name: "second", run: func(s *session) error {
			dir = s.dir
			s.add(row{Question: "q"}.compare(byRound([]float64{1}), byRound([]float64{1})))
			return nil
		}},
	}, t.TempDir())
	if err == nil || err.Error() != "first: no room" || len(s.figures.Rows) != 1 {
		t.Errorf("%v, rows %v", err, s.figures.Rows)
	}
	if _, err := os.Stat(dir); err == nil || dir == "" {
		t.Errorf("the temporary directory %q is left", dir)
	}
}

func TestTargetsAreListedAndChosenByName(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-list"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, x := range targets() {
		if !strings.Contains(out.String(), x.name) || x.about == "" {
			t.Errorf("target %q is not in the list, or says nothing of itself", x.name)
		}
		chosen, err := choose(x.name)
		if err != nil || len(chosen) != 1 || chosen[0].name != x.name {
			t.Errorf("%q chooses %v, %v", x.name, chosen, err)
		}
	}
	for _, args := range [][]string{{"-target", "nothing"}, {"-rounds", "0"}, {"more"}} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is no mistake", args)
		}
	}
}

func TestBestIsThatOfThePeersWhoseFiguresCount(t *testing.T) {
	of := func(name string, wall float64, void error) side {
		return side{peerNamed(name).arm(inCall, 1), [][]sample{{{wall: wall, void: void}}}}
	}
	found := []side{of(nameSlog, 300, nil), of(nameZap, 100, nil), of(namePhuslu, 50, errors.New("lost")), of(nameSlogMulti, 200, nil)}
	behindSlog := func(p peer) bool { return p.slog }
	for _, test := range []struct {
		before func(a, b float64) bool
		want   string
	}{{less, nameSlogMulti}, {greater, nameSlog}} {
		if x, ok := best(found, wallOf, test.before, behindSlog); !ok || x.arm.library != test.want {
			t.Errorf("%v, %v; want %s", x.arm, ok, test.want)
		}
	}
	if _, ok := best(found, wallOf, less, func(peer) bool { return false }); ok {
		t.Error("one of none is best")
	}
}
