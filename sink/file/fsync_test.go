package file

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// syncing counts syncs, and lets those fail for which fail is true.
type syncing struct {
	mu   sync.Mutex
	n    int
	fail func(n int) bool
}

func (s *syncing) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

func (s *syncing) set(n int, fail func(n int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n, s.fail = n, fail
}

func (s *syncing) wrap(h handle) handle {
	return faulty{handle: h, sync: func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.n++
		if s.fail != nil && s.fail(s.n) {
			return syscall.EIO
		}
		return nil
	}}
}

func TestABatchIsDeliveredOnlyWhenItIsOnTheDisk(t *testing.T) {
	s, syncs := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Fsync: EveryBatch}), &syncing{}
	syncs.fail = func(n int) bool { return n == 2 }
	opened := 0
	s.wrap = func(h handle) handle { opened++; return syncs.wrap(h) }
	for n := range 3 {
		err := s.Write(t.Context(), records(n, n+1))
		var partial *sink.Error
		if n != 1 && err != nil || n == 1 && (!errors.Is(err, syscall.EIO) || errors.As(err, &partial)) {
			t.Errorf("batch %d: %v", n, err)
		}
		if n == 0 && syncs.n != 1 {
			t.Errorf("%d syncs for one batch", syncs.n)
		}
		if err == nil {
			continue
		}
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Error(err)
		}
	}
	if got, want := read(t, s.path), text(0, 2)+text(1, 3); got != want {
		t.Errorf("the file holds %q, want %q", got, want)
	}
	if opened != 2 {
		t.Errorf("the file was opened %d times; after a failed sync it is to be opened anew", opened)
	}
}

// Disk full and a failing sync: the answer must not say that the first records are safe.
func TestAPartOfABatchIsNotDeliveredWithoutASync(t *testing.T) {
	s, room := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Fsync: EveryBatch}), 20
	syncs := &syncing{fail: func(n int) bool { return n == 1 }}
	s.wrap = func(h handle) handle { return failing{handle: syncs.wrap(h), room: &room} }
	var partial *sink.Error
	if err := s.Write(t.Context(), records(0, 4)); !errors.Is(err, syscall.EIO) || !errors.Is(err, syscall.ENOSPC) || errors.As(err, &partial) {
		t.Errorf("got %v", err)
	}
	room = -1
	if err := s.Write(t.Context(), records(0, 4)); err != nil {
		t.Error(err)
	}
	if got, want := read(t, s.path), text(0, 2)+text(0, 4); got != want {
		t.Errorf("the file holds %q, want %q", got, want)
	}
}

func TestARotatedFileIsSyncedBeforeItIsLeft(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Fsync: EveryBatch, MaxSize: 16})
	syncs := &syncing{fail: func(n int) bool { return n == 1 }}
	s.wrap = syncs.wrap
	if err := s.Write(t.Context(), records(0, 4)); !errors.Is(err, syscall.EIO) || len(rotatedIn(t, s)) != 0 {
		t.Errorf("%v; rotated: %q", err, rotatedIn(t, s))
	}
	if err := s.Write(t.Context(), records(0, 4)); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(contents(t, s), "|"), text(0, 2)+"|"+text(0, 2)+"|"+text(2, 4); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADirtyFileIsSyncedAfterTheIntervalAndAnErrorFailsOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "app.jsonl")
		s, err := New(Config{Path: path, Fsync: Fsync(time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		a, syncs := s.(*appender), &syncing{}
		a.wrap = syncs.wrap
		write := func(n int) error { return s.Write(t.Context(), records(n, n+1)) }
		after := func(d time.Duration, want int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n := syncs.count(); n != want {
				t.Errorf("%d syncs, want %d", n, want)
			}
		}
		if err := errors.Join(write(0), write(1)); err != nil {
			t.Fatal(err)
		}
		after(999*time.Millisecond, 0)
		after(time.Millisecond, 1)
		after(time.Hour, 1) // nothing was written
		syncs.set(1, func(n int) bool { return n == 2 })
		if err := write(2); err != nil {
			t.Error(err)
		}
		after(time.Second, 2)
		if err := write(3); !errors.Is(err, syscall.EIO) {
			t.Errorf("after a failed sync: %v", err)
		}
		syncs.set(10, nil)
		if err := write(3); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil || syncs.count() != 11 {
			t.Errorf("Close: %v after %d syncs, want one", err, syncs.count()-10)
		}
		if got := read(t, path); got != text(0, 4) {
			t.Errorf("the file holds %q", got)
		}
	}) // which fails if a goroutine is left
}

// The sync that fails is that of records which were delivered before.
func TestASyncThatFailsBecauseAnotherErrorHasComeIsToldOnce(t *testing.T) {
	for _, last := range []func(s *appender) error{
		func(s *appender) error { return s.Write(t.Context(), records(1, 2)) },
		func(s *appender) error { return s.Close() },
	} {
		s, room := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Fsync: Fsync(time.Hour)}), -1
		syncs := &syncing{fail: func(n int) bool { return n == 1 }}
		s.wrap = func(h handle) handle { return failing{handle: syncs.wrap(h), room: &room} }
		if err := s.Write(t.Context(), records(0, 1)); err != nil {
			t.Fatal(err)
		}
		room = 0
		if err := s.Write(t.Context(), records(1, 2)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
		room = -1
		if err := last(s); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "what was written before may not be on the disk") {
			t.Errorf("got %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("told again: %v", err)
		}
	}
}

// With an interval, the end of the attempt syncs nothing: that leaving the file has
// failed is all there is to know it by.
func TestABatchWhoseFileCouldNotBeSyncedWhenItWasLeftIsWrittenAgain(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Fsync: Fsync(time.Hour), MaxSize: 16})
	syncs := &syncing{fail: func(n int) bool { return n == 2 }} // the first is before the renaming
	s.wrap = syncs.wrap
	var partial *sink.Error
	if err := s.Write(t.Context(), records(0, 4)); !errors.Is(err, syscall.EIO) || errors.As(err, &partial) {
		t.Errorf("got %v", err)
	}
	if err := s.Write(t.Context(), records(0, 4)); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(contents(t, s), "|"), text(0, 2)+"|"+text(0, 2)+"|"+text(2, 4); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCloseTellsThatTheLastSyncFailed(t *testing.T) {
	s, syncs := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), Fsync: Fsync(time.Hour)}), &syncing{fail: func(int) bool { return true }}
	s.wrap = syncs.wrap
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsSyncedUnlessAskedFor(t *testing.T) {
	s, syncs := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 16}), &syncing{}
	s.wrap = syncs.wrap
	if err := errors.Join(s.Write(t.Context(), records(0, 9)), s.Close()); err != nil || syncs.n != 0 {
		t.Errorf("%v, %d syncs", err, syncs.n)
	}
}
