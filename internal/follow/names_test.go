package follow

import (
	"slices"
	"testing"
	"time"
)

func TestNamesOfRotatedFilesLeadToTheNameBefore(t *testing.T) {
	for name, c := range map[string]struct {
		of         string
		compressed bool
	}{
		"app.log.1":                             {"app.log", false},
		"app.log.17.gz":                         {"app.log", true},
		"app.log-20260102":                      {"app.log", false},
		"app.log-20260102-1767312000.zst":       {"app.log", true},
		"app.log.2026-01-02T15:04:05Z":          {"app.log", false},
		"app.log.old":                           {"app.log", false},
		"app-20260102T150405.000.jsonl":         {"app.jsonl", false},
		"app-20260102T150405.000-1.jsonl.gz":    {"app.jsonl", true},
		"app.1.log":                             {"app.log", false},
		"app_3":                                 {"app", false},
		"lumberjack-2026-01-02T15-04-05.000.lg": {"lumberjack.lg", false},
	} {
		origins, compressed := rotatedFrom(name)
		if !slices.Contains(origins, c.of) || compressed != c.compressed {
			t.Errorf("%s is of %q, compressed %v; want %s, %v", name, origins, compressed, c.of, c.compressed)
		}
	}
	for _, name := range []string{"app-audit.log", "app-notes.log", "app.log", "app.log.tmp", "app.log~", "application.log", "app.log.gz", "app.log.1x", "app.log.swp"} {
		if origins, _ := rotatedFrom(name); slices.Contains(origins, "app.log") {
			t.Errorf("%s is of %q", name, origins)
		}
	}
}

func TestRotatedFilesAreOrderedByTimeAndThenByNumber(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	for name, want := range map[string][]found{
		"by time":                      {{"a.log.1", at(1)}, {"a.log.2", at(2)}, {"a.log.3", at(3)}},
		"counted up, where times tell": {{"a.log.1", at(1)}, {"a.log.2", at(2)}, {"a.log.3", at(2)}, {"a.log.10", at(2)}},
		"shifted, where times tell":    {{"a.log.10", at(1)}, {"a.log.9", at(2)}, {"a.log.2", at(2)}},
		"shifted, where nothing tells": {{"a.log.10", at(1)}, {"a.log.9", at(1)}, {"a.log.2", at(1)}},
		"dates":                        {{"a.log-20260101", at(1)}, {"a.log-20260102", at(1)}, {"a.log-20260102-1", at(1)}},
	} {
		for range 20 {
			got := slices.Clone(want)
			shuffle(got)
			oldestFirst(got, func(f found) found { return f })
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// What a name may have been is shorter than it.
func FuzzRotatedFrom(f *testing.F) {
	f.Add("app-20260102T150405.000-1.jsonl.gz")
	f.Add(".-_.1")
	f.Fuzz(func(t *testing.T, name string) {
		origins, _ := rotatedFrom(name)
		for _, o := range origins {
			if o == "" || len(o) >= len(name) {
				t.Errorf("%q of %q", o, name)
			}
		}
	})
}
