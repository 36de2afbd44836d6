package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAFileThatIsRenamedOrRemovedOutsideIsLeftForANewOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	path, kept := filepath.Join(dir, "app.jsonl"), filepath.Join(dir, "app.jsonl.1")
	for name, test := range map[string]struct {
		outside func() error
		kept    string // in the second file
		want    string // in the file itself
	}{
		"renamed":                 {func() error { return os.Rename(path, kept) }, text(0, 2), text(2, 4)},
		"renamed and made":        {func() error { return errors.Join(os.Rename(path, kept), os.WriteFile(path, nil, 0o640)) }, text(0, 2), text(2, 4)},
		"removed, with a link":    {func() error { return errors.Join(os.Link(path, kept), os.Remove(path)) }, text(0, 2), text(2, 4)},
		"removed":                 {func() error { return os.Remove(path) }, "", text(2, 4)},
		"truncated":               {func() error { return os.Truncate(path, 0) }, "", text(2, 4)},
		"replaced by another":     {func() error { return errors.Join(os.WriteFile(kept, []byte("x\n"), 0o600), os.Rename(kept, path)) }, "", "x\n" + text(2, 4)},
		"removed with everything": {func() error { return os.RemoveAll(dir) }, "", text(2, 4)},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			s := open(t, path)
			if err := errors.Join(s.Write(t.Context(), records(0, 2)), test.outside(), s.Write(t.Context(), records(2, 3)), s.Write(t.Context(), records(3, 4))); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != test.want {
				t.Errorf("the file holds %q, want %q", got, test.want)
			}
			if got, _ := os.ReadFile(kept); string(got) != test.kept {
				t.Errorf("the second one holds %q, want %q", got, test.kept)
			}
		})
	}
}

// between calls f before the first write.
type between struct {
	handle
	f *func()
}

func (b between) Write(p []byte) (int, error) {
	if f := *b.f; f != nil {
		*b.f = nil
		f()
	}
	return b.handle.Write(p)
}

func TestABatchWrittenToARemovedFileIsWrittenAgain(t *testing.T) {
	for _, config := range []Config{{}, {Fsync: EveryBatch}, {MaxSize: 24}} {
		config.Path = filepath.Join(t.TempDir(), "app.jsonl")
		s := openWith(t, config)
		remove := func() {
			if err := os.Remove(s.path); err != nil {
				t.Error(err)
			}
		}
		s.wrap = func(h handle) handle { return between{h, &remove} }
		if err := s.Write(t.Context(), records(0, 2)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s.path); got != text(0, 2) {
			t.Errorf("%+v: the file holds %q", config, got)
		}
	}
}

func TestABatchWrittenToAFileThatIsRenamedMeanwhileIsInThatOne(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "app.jsonl"))
	rename := func() {
		if err := os.Rename(s.path, s.path+".1"); err != nil {
			t.Error(err)
		}
	}
	s.wrap = func(h handle) handle { return between{h, &rename} }
	if err := errors.Join(s.Write(t.Context(), records(0, 2)), s.Write(t.Context(), records(2, 3))); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s.path+".1") + read(t, s.path); got != text(0, 3) {
		t.Errorf("got %q", got)
	}
}

func TestALinkWithinTheDirectoryIsFollowedAndItsTargetRotated(t *testing.T) {
	for _, to := range []string{"app-1.jsonl", "./app-1.jsonl", "second", "absolute"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "current")
		if to == "absolute" {
			to = filepath.Join(dir, "app-1.jsonl")
		}
		if err := errors.Join(os.Symlink(to, path), os.Symlink("app-1.jsonl", filepath.Join(dir, "second"))); err != nil {
			t.Fatal(err)
		}
		c := Config{Path: path, MaxSize: 16}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		s := openWith(t, c)
		if err := s.Write(t.Context(), records(0, 4)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(dir, "app-1.jsonl")); got != text(2, 4) {
			t.Errorf("%s: the target holds %q", to, got)
		}
		names := namesIn(t, dir)
		if len(names) != 4 || !strings.HasPrefix(names[0], "app-1-") || read(t, filepath.Join(dir, names[0])) != text(0, 2) {
			t.Errorf("%s: there are %q", to, names)
		}
		// The link is switched.
		if err := errors.Join(os.Remove(path), os.Symlink("other", path), s.Write(t.Context(), records(4, 5))); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(dir, "other")); got != text(4, 5) {
			t.Errorf("%s: the new target holds %q", to, got)
		}
	}
}

func TestALinkOutOfTheDirectoryIsNotFollowed(t *testing.T) {
	base := t.TempDir()
	dir, outside := filepath.Join(base, "logs"), filepath.Join(base, "outside")
	path := filepath.Join(dir, "app.jsonl")
	for _, to := range []string{"../outside", outside, "sub/app.jsonl", "..", "second"} {
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700), os.Symlink(to, path), os.Symlink("../outside", filepath.Join(dir, "second"))); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{open(t, path).Write(t.Context(), records(0, 1)), (&Config{Path: path}).Validate()} {
			if err == nil || !strings.Contains(err.Error(), path+" is a symbolic link out of its directory; name the file itself") {
				t.Errorf("%s: %v", to, err)
			}
		}
	}
	if got := namesIn(t, base); !slices.Equal(got, []string{"logs"}) {
		t.Errorf("there are %q", got)
	}
	// It is put there while the file is open.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if err := errors.Join(s.Write(t.Context(), records(0, 1)), os.Rename(path, outside), os.Symlink(outside, path)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), records(1, 2)); err == nil || read(t, outside) != text(0, 1) {
		t.Errorf("%v; outside there is %q", err, read(t, outside))
	}
}

func TestLinksInACircleAreAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := errors.Join(os.Symlink("b", path), os.Symlink("a", filepath.Join(filepath.Dir(path), "b"))); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path).Write(t.Context(), records(0, 1)); err == nil || !strings.Contains(err.Error(), "too many symbolic links") {
		t.Error(err)
	}
}

func TestALinkToADirectoryOfFilesIsFollowed(t *testing.T) {
	base := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(base, "real"), 0o700), os.Symlink("real", filepath.Join(base, "logs"))); err != nil {
		t.Fatal(err)
	}
	if err := open(t, filepath.Join(base, "logs", "app.jsonl")).Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(base, "real", "app.jsonl")); got != text(0, 1) {
		t.Errorf("got %q", got)
	}
}

// locked opens the file at path and takes its lock, as a process does that was stopped
// in the middle of a write.
func locked(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	switch taken, err := flock(f); {
	case errors.Is(err, errNoLocks):
		t.Skip("SKIPPED: no locks here")
	case err != nil || !taken:
		t.Fatalf("%v, %v", taken, err)
	}
	return f
}

func TestALockedFileIsWaitedForNoLongerThanTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.jsonl")
		f := locked(t, path)
		s := open(t, path)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := s.Write(ctx, records(0, 1))
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "locked by another process") || took != 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		time.AfterFunc(time.Second, func() { funlock(f) })
		start = time.Now()
		if err := s.Write(t.Context(), records(0, 1)); err != nil || read(t, path) != text(0, 1) {
			t.Errorf("%v; the file holds %q", err, read(t, path))
		}
		if took := time.Since(start); took > time.Second+longestPause {
			t.Errorf("a lock that was free after a second was taken after %v", took)
		}
	})
}

// A file that another process has rotated is locked while it is compressed.
func TestTheLockOfARotatedFileIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	s := open(t, path)
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	locked(t, path)
	if err := errors.Join(os.Rename(path, path+".1"), s.Write(t.Context(), records(1, 2))); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(1, 2) {
		t.Errorf("the new file holds %q", got)
	}
}

func TestTheLockIsGivenBackAfterEachAttempt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.jsonl")
	s, room := open(t, path), 12
	s.wrap = func(h handle) handle { return failing{handle: h, room: &room} }
	for range 2 {
		_ = s.Write(t.Context(), records(0, 2))
		funlock(locked(t, path))
		room = -1
	}
}
