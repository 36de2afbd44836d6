package file

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// contents returns what each rotated file and the file hold, oldest first.
func contents(t *testing.T, s *appender) (texts []string) {
	t.Helper()
	for _, path := range append(rotatedIn(t, s), s.path) {
		texts = append(texts, read(t, path))
	}
	return texts
}

func TestAWriteThatWouldPassTheSizeGoesToANewFile(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 24})
	for n := range 7 { // 8 bytes each
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := contents(t, s), []string{text(0, 3), text(3, 6), text(6, 7)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestABatchIsSpreadByWholeLinesAndALongLineIsAlone(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 30})
	long := strings.Repeat("x", 50)
	batch := slices.Concat(records(0, 5), []sink.Record{{JSON: []byte(long)}}, records(5, 6))
	for range 2 {
		if err := s.Write(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{text(0, 3), text(3, 5), long + "\n", text(5, 6) + text(0, 2), text(2, 5), long + "\n", text(5, 6)}
	if got := contents(t, s); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestAFileThatIsThereIsGoneOnWith(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 20})
	if err := os.WriteFile(s.path, []byte("0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), records(0, 3)); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, s), []string{"0123456789\n" + text(0, 1), text(1, 3)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTimeRotationIsAtMultiplesOfTheInterval(t *testing.T) {
	midnight := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
	zone := time.FixedZone("", 2*3600)
	for name, test := range map[string]struct {
		times []time.Time // of one record each
		files int
	}{
		"the last moment and midnight":             {[]time.Time{midnight.Add(-1), midnight}, 2},
		"all day long":                             {[]time.Time{midnight, midnight.Add(23 * hour), midnight.Add(24*hour - 1)}, 1},
		"midnight is that of UTC":                  {[]time.Time{midnight.Add(-hour).In(zone), midnight.Add(-1).In(zone), midnight.In(zone)}, 2},
		"several days without a record":            {[]time.Time{midnight, midnight.Add(100 * hour), midnight.Add(100 * hour)}, 2},
		"ten years ahead, once":                    {[]time.Time{midnight, midnight.Add(87600 * hour), midnight.Add(87601 * hour)}, 2},
		"ten years back, not at all":               {[]time.Time{midnight, midnight.Add(-87600 * hour), midnight.Add(-87600 * hour)}, 1},
		"back, and then the next day of that time": {[]time.Time{midnight, midnight.Add(-87600 * hour), midnight.Add(-87576 * hour)}, 2},
		"ahead and back":                           {[]time.Time{midnight, midnight.Add(87600 * hour), midnight, midnight.Add(hour)}, 2},
		"the zero time":                            {[]time.Time{midnight, {}, midnight}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Rotate: sink.Duration(24 * hour)})
			for n, now := range test.times {
				s.now = func() time.Time { return now }
				if err := s.Write(t.Context(), records(n, n+1)); err != nil {
					t.Fatal(err)
				}
			}
			if got := contents(t, s); len(got) != test.files || strings.Join(got, "") != text(0, len(test.times)) {
				t.Errorf("got %q, want %d files", got, test.files)
			}
		})
	}
}

func TestARestartNeitherSkipsNorRepeatsATimeRotation(t *testing.T) {
	midnight := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		written, now time.Time
		files        int
	}{
		"on the same day":       {midnight, midnight.Add(23 * hour), 1},
		"over midnight":         {midnight.Add(-hour), midnight.Add(hour), 2},
		"with a clock set back": {midnight, midnight.Add(-87600 * hour), 1},
	} {
		path := filepath.Join(t.TempDir(), "app.jsonl")
		if err := errors.Join(os.WriteFile(path, []byte(text(0, 1)), 0o600), os.Chtimes(path, test.written, test.written)); err != nil {
			t.Fatal(err)
		}
		s := openWith(t, Config{Path: path, Rotate: sink.Duration(24 * hour)})
		s.now = func() time.Time { return test.now }
		for n := range 3 {
			if err := s.Write(t.Context(), records(n+1, n+2)); err != nil {
				t.Fatal(err)
			}
		}
		if got := contents(t, s); len(got) != test.files || strings.Join(got, "") != text(0, 4) {
			t.Errorf("%s: got %q, want %d files", name, got, test.files)
		}
	}
}

func TestAnEmptyFileIsNotRotated(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Rotate: sink.Duration(time.Second), MaxSize: 1})
	yesterday := time.Now().Add(-24 * hour)
	if err := errors.Join(os.WriteFile(s.path, nil, 0o600), os.Chtimes(s.path, yesterday, yesterday), s.Write(t.Context(), records(0, 1))); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s); !slices.Equal(got, []string{text(0, 1)}) {
		t.Errorf("got %q", got)
	}
}

func TestManyRotationsInOneMomentAndWithTheClockGoingBackLoseNothing(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 8})
	now := time.Now()
	s.now = func() time.Time { return now }
	for n := range 30 {
		if n == 15 {
			now = now.Add(-87600 * hour)
		}
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := all(t, s); got != text(0, 30) {
		t.Errorf("got %q", got)
	}
}

// With all rotated files gone, only the sink knows which names it has used.
func TestANameIsNotUsedAgainWhenItsFileIsGone(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 8})
	now := time.Now()
	s.now = func() time.Time { return now }
	seen := map[string]bool{}
	for n := range 5 {
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
		for _, path := range rotatedIn(t, s) {
			if seen[path] {
				t.Errorf("%s is there again", path)
			}
			seen[path] = true
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestARotationThatFailsIsAFailedAttempt(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 16})
	s.rename = func(string, string) error { return syscall.EACCES }
	rest, err := retry(t.Context(), s, records(0, 4))
	if !errors.Is(err, syscall.EACCES) || !strings.Contains(err.Error(), "rotate") || len(rest) != 2 {
		t.Errorf("%v, %d records left", err, len(rest))
	}
	if _, err = retry(t.Context(), s, rest); !errors.Is(err, syscall.EACCES) {
		t.Errorf("again: %v", err)
	}
	s.rename = os.Rename
	if err := s.Write(t.Context(), rest); err != nil {
		t.Error(err)
	}
	if got, want := contents(t, s), []string{text(0, 2), text(2, 4)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoLinePassesTheSizeByOneByte(t *testing.T) {
	for size, want := range map[sink.Bytes][]string{
		23: {text(0, 2), text(2, 4)},
		24: {text(0, 3), text(3, 4)},
		25: {text(0, 3), text(3, 4)},
	} {
		for _, at := range []int{1, 4} { // records a batch
			s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: size})
			for n := 0; n < 4; n += at {
				if err := s.Write(t.Context(), records(n, n+at)); err != nil {
					t.Fatal(err)
				}
			}
			if got := contents(t, s); !slices.Equal(got, want) {
				t.Errorf("max-size=%v, by %d: got %q, want %q", size, at, got, want)
			}
		}
	}
}

// Names sort as text, so that cat app-*.jsonl app.jsonl has the lines in order.
func TestNamesSortInTheOrderOfRotations(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 8})
	s.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	if err := s.Write(t.Context(), records(0, 30)); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(s.path), "app-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, path := range paths { // sorted
		got += read(t, path)
	}
	if got += read(t, s.path); got != text(0, 30) {
		t.Errorf("got %q", got)
	}
}

// What an earlier version has named, with a number behind the stamp, comes before.
func TestARestartWithTheClockSetBackGoesOnAfterTheNamesThereAre(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, "app-20990101T000000.000.jsonl", "app-20990101T000000.000-7.jsonl")
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 8})
	if err := s.Write(t.Context(), records(0, 3)); err != nil {
		t.Fatal(err)
	}
	want := []string{"app-20990101T000000.000-7.jsonl", "app-20990101T000000.000.jsonl", "app-20990101T000000.001.jsonl", "app-20990101T000000.002.jsonl", "app.jsonl"}
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

func TestNothingIsRenamedOver(t *testing.T) {
	dir := t.TempDir()
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 8})
	now, made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), []string(nil)
	s.now = func() time.Time { // what is to be the name is chosen after this, and after all names are read
		now = now.Add(time.Second)
		made = append(made, "app-"+now.Format(stampLayout)+".jsonl")
		touch(t, dir, made[len(made)-1])
		return now
	}
	if err := s.Write(t.Context(), records(0, 2)); err != nil {
		t.Fatal(err)
	}
	for _, name := range made {
		if got := read(t, filepath.Join(dir, name)); got != "\n" {
			t.Errorf("%s holds %q", name, got)
		}
	}
	if got := strings.Fields(all(t, s)); !slices.Equal(got, strings.Fields(text(0, 2))) {
		t.Errorf("got %q", got)
	}
}

// after calls f after the first write.
type after struct {
	handle
	f *func()
}

func (a after) Write(p []byte) (int, error) {
	n, err := a.handle.Write(p)
	if f := *a.f; f != nil {
		*a.f = nil
		f()
	}
	return n, err
}

// Somebody without the lock renames the file in the middle of a batch, and makes it anew.
func TestOnlyTheFileThatIsOpenIsRotated(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 16})
	outside := func() {
		if err := errors.Join(os.Rename(s.path, s.path+".1"), os.WriteFile(s.path, []byte("other\n"), 0o600)); err != nil {
			t.Error(err)
		}
	}
	s.wrap = func(h handle) handle { return after{h, &outside} }
	if err := s.Write(t.Context(), records(0, 3)); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, s), []string{"other\n" + text(2, 3)}; !slices.Equal(got, want) || read(t, s.path+".1") != text(0, 2) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheErrorOfRotatingAMountPointSaysWhatToDo(t *testing.T) {
	for _, errno := range []error{syscall.EBUSY, syscall.EXDEV} {
		s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 8})
		s.rename = func(from, to string) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: errno} }
		if err := s.Write(t.Context(), records(0, 2)); !errors.Is(err, errno) || !strings.Contains(err.Error(), "mount its directory, or leave max-size and rotate out") {
			t.Errorf("got %v", err)
		}
	}
}

// The rest of a torn line goes where its beginning is, whatever the limits.
func TestATornLineIsFinishedBeforeItsFileIsRotated(t *testing.T) {
	s, room := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 16, Rotate: sink.Duration(time.Second)}), 12
	now := time.Now()
	s.now = func() time.Time { return now }
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: true} }
	rest, err := retry(t.Context(), s, records(0, 3))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	now, room = now.Add(time.Minute), 1<<20
	if err := s.Write(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	if got, want := contents(t, s), []string{text(0, 2), text(2, 3)}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Two sinks, as two processes would, rotate one file by size, while it is renamed and
// removed from outside, their disk fills up at any place and lines can be cut or not.
func TestSinksThatShareAFileLoseAndTearNothing(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		dir := t.TempDir()
		path := filepath.Join(dir, "app.jsonl")
		room, noTruncate := -1, rnd.IntN(2) == 0
		sinks := make([]*appender, 3)
		left := make([][]sink.Record, len(sinks))
		for i := range sinks {
			sinks[i] = openWith(t, Config{Path: path, MaxSize: sink.Bytes(40 + rnd.IntN(200))})
			sinks[i].wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: noTruncate} }
			left[i] = records(100*i, 100*i+40)
		}
		outside := 0
		for n := 0; n < 10000 && len(left[0])+len(left[1])+len(left[2]) > 0; n++ {
			i := rnd.IntN(len(sinks))
			if len(left[i]) == 0 {
				continue
			}
			if rnd.IntN(20) == 0 {
				outside++
				_ = os.Rename(path, filepath.Join(dir, "outside."+strings.Repeat("x", outside)))
			}
			if room = -1; rnd.IntN(3) == 0 {
				room = rnd.IntN(60)
			}
			batch := left[i][:min(len(left[i]), 1+rnd.IntN(10))]
			rest, err := retry(t.Context(), sinks[i], batch)
			if err == nil {
				rest = nil
			}
			left[i] = left[i][len(batch)-len(rest):]
		}
		count := map[string]int{}
		for _, name := range namesIn(t, dir) {
			for l := range strings.Lines(read(t, filepath.Join(dir, name))) {
				count[l]++
			}
		}
		for i := range sinks {
			for l := range strings.Lines(text(100*i, 100*i+40)) {
				// A line of which only the newline was missing, and which could not be
				// cut off, is whole for whoever came in between.
				if count[l] != 1 && !(noTruncate && count[l] == 2) {
					t.Errorf("seed %d: %q stands there %d times", seed, l, count[l])
				}
				delete(count, l)
			}
		}
		// A line that can neither be cut off nor be finished by its writer, since another
		// one came in between, stays torn, on a line of its own.
		if !noTruncate && len(count) > 0 {
			t.Errorf("seed %d: torn: %v", seed, count)
		}
	}
}
