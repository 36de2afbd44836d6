package nearest

import (
	"strings"
	"testing"
)

func TestNameIsTheNearestOneThatWasProbablyMeant(t *testing.T) {
	known := []string{"batch-records", "level", "linger", "timeout", "Mixed"}
	for given, want := range map[string]string{
		"lvel": "level", "levle": "level", "LEVEL": "level", "mixde": "Mixed",
		"batch_records": "batch-records", "batchrecords": "batch-records", "timeuot": "timeout", "lvl": "level",
		"": "", "x": "", "retries": "", "zzzzz": "", strings.Repeat("level", 1000): "",
	} {
		if got, ok := Name(given, known); got != want || ok != (want != "") {
			t.Errorf("%.20q: %q, %t, want %q", given, got, ok, want)
		}
	}
	if got, _ := Name("lat", []string{"late", "last", "cat"}); got != "late" {
		t.Errorf("%q, want the first of several", got)
	}
	if got, _ := Name("timeou", []string{"time", "timeout"}); got != "timeout" {
		t.Errorf("%q, want the nearest, not the first", got)
	}
	if got, ok := Name("x", nil); ok {
		t.Errorf("%q where nothing is known", got)
	}
}

func TestWithinAllowsSoManyEditsAndNoMore(t *testing.T) {
	for _, c := range []struct {
		given, known string
		edits        int
	}{
		{"", "", 0}, {"a", "A", 0}, {"a", "", 1}, {"", "abc", 3}, {"ab", "ba", 1}, {"abc", "axc", 1}, {"abcd", "acbd", 1},
		{"abc", "acxb", 3}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if _, ok := Within(c.edits, c.given, []string{c.known}); !ok {
			t.Errorf("%q to %q takes more than %d edits", c.given, c.known, c.edits)
		}
		if _, ok := Within(c.edits-1, c.given, []string{c.known}); ok {
			t.Errorf("%q to %q takes less than %d edits", c.given, c.known, c.edits)
		}
	}
}
