package file

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

const hour = time.Hour

func TestRetention(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	// file returns the n-th rotated file, of 100 bytes, rotated that long ago.
	file := func(n int, ago time.Duration) aged {
		at := now.Add(-ago)
		return aged{mark: mark{at.Format(stampLayout), n}, size: 100, at: at}
	}
	// The numbers of the files are 1, 2, 3 and so on.
	for name, test := range map[string]struct {
		config Config
		size   int64
		ago    []time.Duration
		remove []int // in this order
		kept   int64
	}{
		"nothing is removed without limits":                      {Config{}, 0, []time.Duration{9999 * hour, 0}, nil, 200},
		"max-files keeps exactly that many":                      {Config{MaxFiles: 2}, 0, []time.Duration{4 * hour, 3 * hour, 2 * hour, 1 * hour}, []int{1, 2}, 200},
		"fewer than max-files stay":                              {Config{MaxFiles: 2}, 0, []time.Duration{9 * hour}, nil, 100},
		"no file is no file":                                     {Config{MaxFiles: 2, MaxAge: 1, MaxTotal: 1}, 100, nil, nil, 0},
		"max-age removes what is older":                          {Config{MaxAge: sink.Duration(2 * hour)}, 0, []time.Duration{3 * hour, 2*hour + 1, 2 * hour, hour}, []int{1, 2}, 200},
		"max-age spares the newest":                              {Config{MaxAge: sink.Duration(2 * hour)}, 0, []time.Duration{99 * hour, 98 * hour}, []int{1}, 100},
		"a clock ten years ahead spares the newest":              {Config{MaxAge: sink.Duration(2 * hour)}, 0, []time.Duration{87600 * hour}, nil, 100},
		"nothing goes before what was rotated earlier":           {Config{MaxAge: sink.Duration(2 * hour)}, 0, []time.Duration{3 * hour, hour, 99 * hour, hour}, []int{1}, 300},
		"what the clock thinks in the future does not hold back": {Config{MaxAge: sink.Duration(2 * hour)}, 0, []time.Duration{-99 * hour, 3 * hour, hour}, []int{2}, 200},
		"all in the future stays":                                {Config{MaxAge: sink.Duration(2 * hour)}, 0, []time.Duration{-87600 * hour, -87601 * hour}, nil, 200},
		"max-total counts the file":                              {Config{MaxTotal: 300}, 101, []time.Duration{3 * hour, 2 * hour, hour}, []int{1, 2}, 100},
		"max-total may be reached":                               {Config{MaxTotal: 300}, 100, []time.Duration{3 * hour, 2 * hour, hour}, []int{1}, 200},
		"max-total may take all":                                 {Config{MaxTotal: 300}, 300, []time.Duration{3 * hour, 2 * hour, hour}, []int{1, 2, 3}, 0},
		"max-total takes no file for one that is larger alone":   {Config{MaxTotal: 300}, 301, []time.Duration{3 * hour, 2 * hour, hour}, nil, 300},
		"max-total counts the others by themselves then":         {Config{MaxTotal: 200}, 201, []time.Duration{3 * hour, 2 * hour, hour}, []int{1}, 200},
		"max-total spares the newest if that is larger alone":    {Config{MaxTotal: 99}, 99, []time.Duration{2 * hour, hour}, []int{1}, 0},
		"max-files, then max-age, then max-total":                {Config{MaxFiles: 4, MaxAge: sink.Duration(4 * hour), MaxTotal: 250}, 0, []time.Duration{9 * hour, 5 * hour, 3 * hour, 2 * hour, hour}, []int{1, 2, 3}, 200},
	} {
		var files []aged
		for i, ago := range test.ago {
			files = append(files, file(i+1, ago))
		}
		remove, kept := test.config.excess(files, test.size, now)
		var got []int
		for _, f := range remove {
			got = append(got, f.n)
		}
		if !slices.Equal(got, test.remove) || kept != test.kept {
			t.Errorf("%s: %v are removed and %d bytes kept, want %v and %d", name, got, kept, test.remove, test.kept)
		}
	}
}

func TestRetentionTouchesOwnRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	foreign := []string{"app-2026.jsonl", "app-audit-20200101T000000.000.jsonl", "app-audit-20200101T000000.000.jsonl.gz", "app-notes.log", "app.jsonl.1", "other-20200101T000000.000.jsonl"}
	touch(t, dir, foreign...)
	touch(t, dir, "app-20200101T000000.000.jsonl", "app-20200102T000000.000.jsonl.gz", "app-20200103T000000.000.jsonl", "app-20200103T000000.000.jsonl.gz")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "app-20190101T000000.000.jsonl"), 0o700),
		os.Symlink("app-notes.log", filepath.Join(dir, "app-20190102T000000.000.jsonl"))); err != nil {
		t.Fatal(err)
	}
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 10, MaxFiles: 1})
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	want := append(foreign, "app-20190101T000000.000.jsonl", "app-20190102T000000.000.jsonl", "app-20200103T000000.000.jsonl", "app-20200103T000000.000.jsonl.gz", "app.jsonl")
	slices.Sort(want)
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("after the first write there are %q\nwant %q", got, want)
	}
}

func TestMaxFilesIsKeptThroughRotations(t *testing.T) {
	dir := t.TempDir()
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 24, MaxFiles: 3})
	for n := range 40 {
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
		if got := len(namesIn(t, dir)); got > 4 {
			t.Fatalf("%d files", got)
		}
	}
	got := ""
	for _, name := range append(rotatedIn(t, s), s.path) {
		got += read(t, name)
	}
	if want := text(33, 40); got != want {
		t.Errorf("kept are %q, want %q", got, want)
	}
}

func TestMaxTotalIsNeverExceeded(t *testing.T) {
	dir := t.TempDir()
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 30, MaxTotal: 100})
	for n := range 60 {
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
		var total int64
		for _, name := range namesIn(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		if total > 100 || n > 20 && total <= 70 {
			t.Fatalf("after record %d there are %d bytes", n, total)
		}
	}
}

// Removing others cannot make it fit.
func TestALineLongerThanMaxTotalRemovesNoOtherAndStaysUntilTheNextRotation(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 16, MaxTotal: 40})
	long := strings.Repeat("x", 100)
	write := func(batch []sink.Record, want ...string) {
		t.Helper()
		if err := s.Write(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, s); !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
	write(records(0, 5), text(0, 2), text(2, 4), text(4, 5))
	write([]sink.Record{{JSON: []byte(long)}}, text(0, 2), text(2, 4), text(4, 5), long+"\n")
	write(records(5, 7), text(2, 4), text(4, 5), long+"\n", text(5, 7)) // of the others, what has room
	write(records(7, 8), text(5, 7), text(7, 8))
}

func TestThePlainFormOfARotatedFileIsRemovedLast(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 1))
	touch(t, dir, filepath.Base(paths[0])+".gz")
	var removed []string
	if err := s.remove(mark{"20260101T000000.000", 0}, func(path string) error { removed = append(removed, path); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{paths[0] + ".gz", paths[0]}; !slices.Equal(removed, want) {
		t.Errorf("%q, want %q", removed, want)
	}
}

// Another process may keep more, or have ended before it removed any.
func TestRetentionIsLookedAfterWhenAnotherProcessHasRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	a, b := openWith(t, Config{Path: path, MaxSize: 1000, MaxFiles: 1}), openWith(t, Config{Path: path, MaxSize: 8})
	if err := errors.Join(a.Write(t.Context(), records(0, 1)), b.Write(t.Context(), records(1, 5)), a.Write(t.Context(), records(5, 6))); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, a), []string{text(3, 4), text(4, 6)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRetentionThatFailsIsToldAndKeepsNothingFromBeingWritten(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 24, MaxTotal: 24})
	s.remove = func(string) error { return os.ErrPermission }
	for n := range 9 {
		err := s.Write(t.Context(), records(n, n+1))
		// Each file has three records: the fourth begins a new one, and the one
		// before has to go.
		if (err != nil) != (n > 0 && n%3 == 0) {
			t.Errorf("record %d: %v", n, err)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("record %d: %v", n, err)
		}
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Errorf("record %d, again: %v", n, err)
		}
	}
	if got := all(t, s); got != text(0, 9) {
		t.Errorf("there is %q", got)
	}
}

// rotatedIn returns the paths of the plain rotated files, oldest first.
func rotatedIn(t *testing.T, s *appender) (paths []string) {
	t.Helper()
	names := namesOf(s.path)
	found, err := names.list()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found.plain {
		paths = append(paths, names.rotated(m))
	}
	return paths
}

// all returns what rotated files and file hold, oldest first.
func all(t *testing.T, s *appender) (text string) {
	t.Helper()
	for _, path := range rotatedIn(t, s) {
		text += read(t, path)
	}
	return text + read(t, s.path)
}
