package file

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Somebody else has the lock: to compress it, or to write to it.
func TestALockedFileIsNotCompressedAndLeftAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, paths := plainIn(t, dir, text(0, 9))
		locked(t, paths[0])
		start := time.Now()
		if err := newCompressor().round(t.Context(), s); err != nil || len(namesIn(t, dir)) != 1 || read(t, paths[0]) != text(0, 9) {
			t.Errorf("%v; there are %q", err, namesIn(t, dir))
		}
		if took := time.Since(start); took < patience || took > 2*patience {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAFileThatWasCompressedWhileItsLockWasWaitedForIsNotCompressedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, paths := plainIn(t, dir, text(0, 9))
		lock := locked(t, paths[0])
		time.AfterFunc(time.Second, func() {
			if err := os.Rename(paths[0], paths[0]+".gz"); err != nil {
				t.Error(err)
			}
			funlock(lock)
		})
		c := newCompressor()
		c.wrap = func(h handle) handle { t.Error("it is compressed again"); return h }
		if err := c.round(t.Context(), s); err != nil || read(t, paths[0]+".gz") != text(0, 9) {
			t.Errorf("%v; there are %q", err, namesIn(t, dir))
		}
	})
}

func TestATemporaryFileThatIsBeingWrittenStays(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9))
	touch(t, dir, filepath.Base(paths[0])+".gz.tmp")
	lock := locked(t, paths[0])
	for _, left := range []int{2, 1} { // with and without the lock
		s.removeStale(mark{"20260101T000000.000", 0}, false)
		if got := namesIn(t, dir); len(got) != left {
			t.Errorf("there are %q", got)
		}
		funlock(lock)
	}
}

func TestTheSameErrorOfTheSameFileIsToldOnce(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9), text(9, 19))
	if err := os.Mkdir(paths[0]+".gz", 0o700); err != nil {
		t.Fatal(err)
	}
	c := newCompressor()
	round := func(want int) {
		t.Helper()
		if err := c.round(t.Context(), s); err == nil && want > 0 || err != nil && strings.Count(err.Error(), "compress ") != want {
			t.Errorf("got %v, want %d", err, want)
		}
	}
	round(1)
	round(0)
	c.wrap = func(h handle) handle { return faulty{handle: h, sync: func() error { return syscall.EIO }} }
	round(1) // another error
	c.wrap = nil
	round(1)
	round(0)
	if err := os.Remove(paths[0] + ".gz"); err != nil {
		t.Fatal(err)
	}
	round(0)
	if got := unzip(t, paths[0]+".gz") + unzip(t, paths[1]+".gz"); got != text(0, 19) {
		t.Errorf("got %q", got)
	}
}

// A round that has nothing new to tell does not take back what another one has told.
func TestAnErrorOfTheCompressorStaysUntilItIsTaken(t *testing.T) {
	dir := t.TempDir()
	_, paths := plainIn(t, dir, text(0, 9))
	if err := os.Mkdir(paths[0]+".gz", 0o700); err != nil {
		t.Fatal(err)
	}
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 1000, Compress: Gzip})
	s.zip.look(namesOf(s.path))
	for range 3 { // see waitForRound
		s.zip.kick <- struct{}{}
	}
	if err := s.Write(t.Context(), records(0, 1)); err == nil || !strings.Contains(err.Error(), filepath.Base(paths[0])) {
		t.Errorf("got %v", err)
	}
	waitForRound(t, s)
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Errorf("told again: %v", err)
	}
}
