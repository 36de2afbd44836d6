package main

import "testing"

func TestDeadSinksAreOfferedEverythingAndDeliverNothing(t *testing.T) {
	if _, _, err := residentMemory(); err != nil {
		t.Skip(err)
	}
	const records = 20_000 // more than the journal holds
	m, err := runDeadSinks(records, mebibyte)
	if err != nil {
		t.Fatal(err)
	}
	if reason := m.void(); reason != "" || m.Offered != records {
		t.Errorf("void for %q: %+v", reason, m)
	}
	if m.Before <= 0 || m.Peak <= m.Before {
		t.Errorf("resident before %v, at most %v", m.Before, m.Peak)
	}
}

func TestMemoryCountsWithoutTheJournalAndWhatWasThereBefore(t *testing.T) {
	m := memorySample{Before: 5 * mebibyte, Peak: 76 * mebibyte, Capacity: 64 * mebibyte}
	if m.over() != 7 || m.before() != 5 {
		t.Errorf("%v MiB over, %v before; want 7 and 5", m.over(), m.before())
	}
}

func TestMemoryDoesNotCountIfTheSinksWereAlive(t *testing.T) {
	good := memorySample{Want: 9, Offered: 9, Dropped: 1}
	few, alive, small := good, good, good
	few.Offered--
	alive.Delivered++
	small.Dropped = 0
	for name, c := range map[string]struct {
		m    memorySample
		void bool
	}{
		"all as it should be": {good, false}, "not all offered": {few, true},
		"a sink delivered": {alive, true}, "the journal was never full": {small, true},
	} {
		if got := c.m.void(); (got != "") != c.void {
			t.Errorf("%s: void for %q", name, got)
		}
	}
}
