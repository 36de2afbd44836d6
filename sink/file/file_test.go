package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

func records(from, to int) (batch []sink.Record) {
	for n := from; n < to; n++ {
		batch = append(batch, sink.Record{ID: sink.ID{Journal: [16]byte{1}, Seq: uint64(n)}, JSON: fmt.Appendf(nil, `{"n":%d}`, n)})
	}
	return batch
}

func text(from, to int) string {
	var b strings.Builder
	for _, r := range records(from, to) {
		fmt.Fprintf(&b, "%s\n", r.JSON)
	}
	return b.String()
}

func open(t *testing.T, path string) *appender {
	t.Helper()
	return openWith(t, Config{Path: path})
}

func openWith(t *testing.T, c Config) *appender {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*appender)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRecordsAreAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		s := open(t, path)
		for j := range 2 {
			n := 10*i + 5*j
			if err := s.Write(t.Context(), records(n, n+5)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, path); got != "before\n"+text(0, 20) {
		t.Errorf("the file holds %q", got)
	}
}

func TestNothingIsCreatedBeforeTheFirstWrite(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "a", "b", "app.log")
	if err := (&Config{Path: path}).Validate(); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if entries, err := os.ReadDir(base); err != nil || len(entries) > 0 {
		t.Fatalf("%v, %v", entries, err)
	}
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	for name, most := range map[string]os.FileMode{path: 0o640, filepath.Dir(path): os.ModeDir | 0o750} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode(); mode&^most != 0 || mode&0o600 != 0o600 {
			t.Errorf("%s has mode %v, want %v less the umask", name, mode, most)
		}
	}
}

func TestWriteAfterCloseFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := open(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), records(0, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was created: %v", err)
	}
}

func TestRelativePathStaysWhereItWasAtNew(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	s := open(t, "app.log")
	t.Chdir(t.TempDir())
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "app.log")); got != text(0, 1) {
		t.Errorf("the file holds %q", got)
	}
}

func TestDirectoryThatComesBackIsUsedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "app.log"))
	if err := s.Write(t.Context(), records(0, 2)); err == nil {
		t.Fatal("written through a file that is no directory")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), records(0, 2)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "app.log")); got != text(0, 2) {
		t.Errorf("the file holds %q", got)
	}
}

// failing is a file on a disk that takes as many bytes as room says and then fails.
type failing struct {
	handle
	room       *int // negative: no end
	noTruncate bool
	after      func() // called after a write that failed
}

func (f failing) Write(p []byte) (int, error) {
	if *f.room < 0 || *f.room >= len(p) {
		*f.room -= len(p)
		return f.handle.Write(p)
	}
	n, err := f.handle.Write(p[:*f.room])
	*f.room -= n
	if f.after != nil {
		f.after()
	}
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f failing) Truncate(size int64) error {
	if f.noTruncate {
		return syscall.EPERM
	}
	return f.handle.Truncate(size)
}

// retry writes a batch as a delivery does: what the answer says is missing, again.
func retry(ctx context.Context, s sink.Sink, batch []sink.Record) ([]sink.Record, error) {
	err := s.Write(ctx, batch)
	var partial *sink.Error
	if errors.As(err, &partial) && len(partial.Items) > 0 {
		batch = batch[partial.Items[0].Index:]
	}
	return batch, err
}

func TestATornLineIsCutOffAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, room := open(t, path), 20
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room} }
	rest, err := retry(t.Context(), s, records(0, 5))
	if !errors.Is(err, syscall.ENOSPC) || len(rest) != 3 {
		t.Fatalf("%v, %d records left", err, len(rest))
	}
	if got := read(t, path); got != text(0, 2) {
		t.Errorf("after the failure the file holds %q", got)
	}
	room = 1 << 20
	if err := s.Write(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(0, 5) {
		t.Errorf("the file holds %q", got)
	}
}

func TestATornLineThatCannotBeCutOffIsFinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, room := open(t, path), 20
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: true} }
	if _, err := retry(t.Context(), s, records(0, 5)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(0, 2)+`{"n"` {
		t.Errorf("after the failure the file holds %q", got)
	}
	for _, room = range []int{0, 2, 0, 1 << 20} {
		_ = s.Write(t.Context(), records(0, 5)) // all of it again
	}
	if got := read(t, path); got != text(0, 5) {
		t.Errorf("the file holds %q", got)
	}
}

func TestNothingOfAnotherProcessIsCutOff(t *testing.T) {
	for _, noTruncate := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "app.log")
		s, room := open(t, path), 20
		other := func() { appendTo(t, path, "other\n") }
		s.wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: noTruncate, after: other} }
		rest, err := retry(t.Context(), s, records(0, 5))
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		room = 1 << 20
		if err := s.Write(t.Context(), rest); err != nil {
			t.Fatal(err)
		}
		if got, want := read(t, path), text(0, 2)+`{"n"other`+"\n"+text(2, 5); got != want {
			t.Errorf("the file holds %q, want %q", got, want)
		}
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Error(err)
	}
}

func TestTheRestOfALineIsNotWrittenToAnotherFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, room := open(t, path), 20
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: true} }
	rest, err := retry(t.Context(), s, records(0, 5))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	room = 1 << 20
	if err := s.Write(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(2, 5) {
		t.Errorf("the new file holds %q", got)
	}
}

// The file is removed while the rest is written: what is a rest there would be torn in
// a new file.
func TestTheRestOfALineIsNotWrittenToTheFileAfterARemovedOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s, room := open(t, path), 20
	nothing := func() {}
	before := &nothing
	s.wrap = func(h handle) handle { return between{failing{handle: h, room: &room, noTruncate: true}, before} }
	rest, err := retry(t.Context(), s, records(0, 5))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	room = 1 << 20
	*before = func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
	if err := s.Write(t.Context(), rest); !errors.Is(err, errMoved) {
		t.Errorf("got %v", err)
	}
	if err := s.Write(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(2, 5) {
		t.Errorf("the new file holds %q", got)
	}
}

func TestRecordsSurviveAnyShortWrites(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		path := filepath.Join(t.TempDir(), "app.log")
		s, room := open(t, path), 0
		noTruncate := rnd.IntN(2) == 0
		s.wrap = func(h handle) handle { return failing{handle: h, room: &room, noTruncate: noTruncate} }
		for left := records(0, 40); len(left) > 0; {
			n := min(len(left), 1+rnd.IntN(10))
			batch := left[:n]
			for {
				room = rnd.IntN(120)
				rest, err := retry(t.Context(), s, batch)
				if err == nil {
					break
				}
				if rnd.IntN(2) == 0 {
					batch = rest
				}
			}
			left = left[n:]
		}
		if got := read(t, path); got != text(0, 40) {
			t.Fatalf("seed %d: the file holds %q", seed, got)
		}
	}
}

func TestTwoSinksAppendWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	var writers sync.WaitGroup
	for range 2 {
		s := open(t, path)
		writers.Go(func() {
			for n := 0; n < 2000; n += 10 {
				if err := s.Write(t.Context(), records(n, n+10)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	count := map[string]int{}
	for l := range strings.Lines(read(t, path)) {
		count[l]++
	}
	for l := range strings.Lines(text(0, 2000)) {
		if count[l] != 2 {
			t.Fatalf("%q stands there %d times", l, count[l])
		}
	}
	if len(count) != 2000 {
		t.Errorf("%d distinct lines", len(count))
	}
}

func TestAWriteToAnOpenFileAllocatesLittle(t *testing.T) {
	s, batch := open(t, filepath.Join(t.TempDir(), "app.log")), records(0, 1000)
	if n := testing.AllocsPerRun(5, func() {
		if err := s.Write(t.Context(), batch); err != nil {
			t.Error(err)
		}
	}); n > 12 {
		t.Errorf("%v allocations for 1000 records", n)
	}
}
