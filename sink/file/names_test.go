package file

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// touch makes files of one byte in dir.
func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// namesIn returns the names in dir, sorted.
func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestOnlyNamesOfExactlyTheFormAreOurs(t *testing.T) {
	for _, test := range []struct {
		path, name string
		mark       mark
		suffix     string
		ours       bool
	}{
		{"app.jsonl", "app-20060102T150405.000.jsonl", mark{"20060102T150405.000", 0}, "", true},
		{"app.jsonl", "app-20060102T150405.999-12.jsonl.gz", mark{"20060102T150405.999", 12}, ".gz", true},
		{"app.jsonl", "app-20060102T150405.999-1.jsonl.gz.tmp", mark{"20060102T150405.999", 1}, ".gz.tmp", true},
		{"app", "app-20060102T150405.000", mark{"20060102T150405.000", 0}, "", true},
		{"app", "app-20060102T150405.000.gz", mark{"20060102T150405.000", 0}, ".gz", true},
		{".log", ".log-20060102T150405.000", mark{"20060102T150405.000", 0}, "", true},
		{"a+b.x.log", "a+b.x-20060102T150405.000.log", mark{"20060102T150405.000", 0}, "", true},
		{"caf\xe9.log", "caf\xe9-20060102T150405.000.log.gz", mark{"20060102T150405.000", 0}, ".gz", true},
		{"a-b.log", "a-b-20060102T150405.000-3.log", mark{"20060102T150405.000", 3}, "", true},
		{"app", "app-20060102T150405.000-2.gz.tmp", mark{"20060102T150405.000", 2}, ".gz.tmp", true},
		{"app", "app-20060102T150405.000-", mark{}, "", false},
		{"app", "app-20060102T150405.000-+1", mark{}, "", false},
		{"app", "app-20060102T150405.000-1-1", mark{}, "", false},
		{"app", "app-20060102T150405.000-99999999999", mark{}, "", false},
		{"app", "app-20060102T150405.0000", mark{}, "", false},
		{"app", "app-", mark{}, "", false},
		{"app", "app", mark{}, "", false},
		{"app.log", ".log", mark{}, "", false},
		{"app.jsonl", "app.jsonl", mark{}, "", false},
		{"app.jsonl", "app-2026.jsonl", mark{}, "", false},
		{"app.jsonl", "app-notes.log", mark{}, "", false},
		{"app.jsonl", "app-audit-20060102T150405.000.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405,000.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20061302T150405.000.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405.000-0.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405.000-01.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405.000.jsonl.tmp", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405.000.jsonl.gz.bak", mark{}, "", false},
		{"app.jsonl", "xapp-20060102T150405.000.jsonl", mark{}, "", false},
		{"app.jsonl", "app-20060102T150405.000xjsonl", mark{}, "", false},
		{"app", "app-20060102T150405.000.jsonl", mark{}, "", false},
	} {
		s := namesOf(filepath.Join("dir", test.path))
		m, suffix, ok := s.parse(test.name)
		if ok != test.ours || m != test.mark || suffix != test.suffix {
			t.Errorf("%s of %s: %v, %q, %v", test.name, test.path, m, suffix, ok)
		}
		if ok && s.rotated(m)+suffix != filepath.Join("dir", test.name) {
			t.Errorf("%s of %s is made as %s", test.name, test.path, s.rotated(m)+suffix)
		}
	}
}

func TestNamesAreInTheOrderOfRotationsWhateverTheClockDoes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 678912345, time.FixedZone("", 3600))
	m := mark{}
	for _, step := range []struct {
		jump time.Duration
		want mark
	}{
		{0, mark{"20260102T020405.678", 0}},
		{0, mark{"20260102T020405.679", 0}},
		{999 * time.Microsecond, mark{"20260102T020405.680", 0}},
		{10 * time.Millisecond, mark{"20260102T020405.689", 0}},
		{-10 * 365 * 24 * time.Hour, mark{"20260102T020405.690", 0}},
		{time.Hour, mark{"20260102T020405.691", 0}},
		{20 * 365 * 24 * time.Hour, mark{"20351231T030405.689", 0}},
		{-10 * 365 * 24 * time.Hour, mark{"20351231T030405.690", 0}},
	} {
		now = now.Add(step.jump)
		next := m.after(now)
		if next != step.want || next.compare(m) <= 0 || namesOf("app").rotated(next) <= namesOf("app").rotated(m) {
			t.Errorf("at %v %v follows %v, want %v", now, next, m, step.want)
		}
		m = next
	}
	for _, test := range []struct{ m, want mark }{
		{mark{"20991231T235959.999", 12}, mark{"21000101T000000.000", 0}},
		{mark{"99991231T235959.999", 0}, mark{"99991231T235959.999", 1}},
		{mark{"99991231T235959.999", 1}, mark{"99991231T235959.999", 2}},
	} {
		if next := test.m.after(now); next != test.want {
			t.Errorf("%v follows %v, want %v", next, test.m, test.want)
		}
	}
	if m := (mark{}).after(time.Time{}); m.stamp != "00010101T000000.000" {
		t.Errorf("the zero time makes %v", m)
	}
}

func TestListIsInOrderAndHasEachFileOnce(t *testing.T) {
	dir := t.TempDir()
	const a, b, c = "app-20260101T000000.000", "app-20260101T000000.000-2", "app-20260101T000000.000-10"
	touch(t, dir, c+".jsonl", a+".jsonl", a+".jsonl.gz", b+".jsonl.gz", b+".jsonl.gz.tmp", "app.jsonl", "app-audit-"+a[4:]+".jsonl", "app-notes.log")
	got, err := namesOf(filepath.Join(dir, "app.jsonl")).list()
	at := func(n int) mark { return mark{"20260101T000000.000", n} }
	if err != nil || !slices.Equal(got.all, []mark{at(0), at(2), at(10)}) || !slices.Equal(got.plain, []mark{at(0), at(10)}) || !slices.Equal(got.temporaries, []mark{at(2)}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got.latest() != at(10) {
		t.Errorf("latest: %v", got.latest())
	}
	if got, err := namesOf(filepath.Join(dir, "missing", "app")).list(); err != nil || len(got.all) > 0 {
		t.Errorf("a missing directory: %+v, %v", got, err)
	}
}
