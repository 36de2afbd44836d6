package file

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unzip returns what a compressed file holds.
func unzip(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(b)
}

// plainIn makes rotated files with the given contents, and returns their names.
func plainIn(t *testing.T, dir string, contents ...string) (s *names, paths []string) {
	t.Helper()
	s = namesOf(filepath.Join(dir, "app.jsonl"))
	for n, text := range contents {
		path := s.rotated(mark{"20260101T000000.000", n})
		at := time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o640), os.Chmod(path, 0o604), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return s, paths
}

func TestACompressedFileEqualsItsOriginalAndHasItsTimeAndMode(t *testing.T) {
	dir := t.TempDir()
	big := strings.Repeat(text(0, 1000), 50)
	s, paths := plainIn(t, dir, big, "x\n")
	if err := newCompressor().round(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{big, "x\n"} {
		if got := unzip(t, paths[n]+".gz"); got != want {
			t.Errorf("%d bytes, want %d", len(got), len(want))
		}
		info, err := os.Stat(paths[n] + ".gz")
		if err != nil || info.ModTime().Unix() != time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC).Unix() || runtime.GOOS != "windows" && info.Mode() != 0o604 {
			t.Errorf("%v, %v, %v", info.ModTime(), info.Mode(), err)
		}
	}
	if got := namesIn(t, dir); len(got) != 2 {
		t.Errorf("there are %q", got)
	}
}

func TestWhatAKilledProcessHasLeftIsCompressedAgain(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9), text(9, 19))
	// Killed in the middle of the first, and between renaming and removing of the second.
	touch(t, dir, filepath.Base(paths[0])+".gz.tmp", filepath.Base(paths[1])+".gz")
	if err := newCompressor().round(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if got, want := namesIn(t, dir), []string{filepath.Base(paths[1]) + ".gz", filepath.Base(paths[0]) + ".gz"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if got := unzip(t, paths[0]+".gz") + unzip(t, paths[1]+".gz"); got != text(0, 19) {
		t.Errorf("got %q", got)
	}
}

func TestStaleTemporaryFilesAreRemovedAtTheFirstWrite(t *testing.T) {
	for _, compress := range []string{None, Gzip} {
		dir := t.TempDir()
		_, paths := plainIn(t, dir, text(0, 9))
		touch(t, dir, "app-20250101T000000.000.jsonl.gz.tmp", filepath.Base(paths[0])+".gz.tmp")
		s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 100, Compress: compress})
		if err := errors.Join(s.Write(t.Context(), records(9, 10))); err != nil {
			t.Fatal(err)
		}
		if s.zip != nil {
			waitForRound(t, s)
		}
		for _, name := range namesIn(t, dir) {
			if strings.HasSuffix(name, ".tmp") {
				t.Errorf("compress=%s: %s is still there", compress, name)
			}
		}
	}
}

// waitForRound waits until the compressor has nothing to do any more.
func waitForRound(t *testing.T, s *appender) {
	t.Helper()
	for range 2 { // the second token is taken only after the round of the first, or of those before
		s.zip.kick <- struct{}{}
	}
	if err := s.zip.take(); err != nil {
		t.Error(err)
	}
}

func TestRotatedFilesAreCompressedAndKeptAsRetentionSays(t *testing.T) {
	dir := t.TempDir()
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 24, MaxFiles: 3, Compress: Gzip})
	for n := range 100 {
		if err := s.Write(t.Context(), records(n, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	waitForRound(t, s)
	found, err := namesOf(s.path).list()
	if err != nil || len(found.plain) != 0 {
		t.Errorf("%v; still plain: %v", err, found.plain)
	}
	got := ""
	for _, m := range found.all {
		got += unzip(t, namesOf(s.path).rotated(m)+".gz")
	}
	got += read(t, s.path)
	if got != text(93, 100) {
		t.Errorf("got %q", got)
	}
	if len(namesIn(t, dir)) != 4 {
		t.Errorf("there are %q", namesIn(t, dir))
	}
}

// faulty is a handle that fails.
type faulty struct {
	handle
	write func(p []byte) error // before each write; nil: fine
	sync  func() error         // instead of each sync; nil: fine
}

func (f faulty) Write(p []byte) (int, error) {
	if f.write != nil {
		if err := f.write(p); err != nil {
			return 0, err
		}
	}
	return f.handle.Write(p)
}

func (f faulty) Sync() error {
	if f.sync != nil {
		if err := f.sync(); err != nil {
			return err
		}
	}
	return f.handle.Sync()
}

func TestACompressionThatFailsLeavesThePlainFileIsToldAndDoneLater(t *testing.T) {
	for name, fault := range map[string]func(handle) handle{
		"full disk":    func(h handle) handle { return faulty{handle: h, write: func([]byte) error { return syscall.ENOSPC }} },
		"failing sync": func(h handle) handle { return faulty{handle: h, sync: func() error { return syscall.EIO }} },
	} {
		dir := t.TempDir()
		s, paths := plainIn(t, dir, text(0, 9), text(9, 19))
		c := newCompressor()
		c.wrap = fault
		if err := c.round(t.Context(), s); !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), filepath.Base(paths[0])) {
			t.Errorf("%s: %v", name, err)
		}
		if got := namesIn(t, dir); len(got) != 2 || read(t, paths[0])+read(t, paths[1]) != text(0, 19) {
			t.Errorf("%s: there are %q", name, got)
		}
		c.wrap = nil
		if err := c.round(t.Context(), s); err != nil || unzip(t, paths[0]+".gz")+unzip(t, paths[1]+".gz") != text(0, 19) {
			t.Errorf("%s, later: %v", name, err)
		}
	}
}

func TestAnErrorOfTheCompressorFailsOneAttempt(t *testing.T) {
	s := openWith(t, Config{Path: filepath.Join(t.TempDir(), "app.jsonl"), MaxSize: 1000, Compress: Gzip})
	s.zip.mu.Lock()
	s.zip.err = syscall.EIO
	s.zip.mu.Unlock()
	if err := s.Write(t.Context(), records(0, 1)); !errors.Is(err, syscall.EIO) {
		t.Errorf("first: %v", err)
	}
	if err := s.Write(t.Context(), records(0, 1)); err != nil || read(t, s.path) != text(0, 1) {
		t.Errorf("second: %v, %q", err, read(t, s.path))
	}
}

func TestCloseStopsACompressionAndLeavesThePlainFile(t *testing.T) {
	dir := t.TempDir()
	_, paths := plainIn(t, dir, strings.Repeat(text(0, 1000), 500))
	s := openWith(t, Config{Path: filepath.Join(dir, "app.jsonl"), MaxSize: 1000, Compress: Gzip})
	began, proceed := make(chan struct{}, 1), make(chan struct{})
	s.zip.wrap = func(h handle) handle {
		return faulty{handle: h, write: func([]byte) error {
			select {
			case began <- struct{}{}:
			default:
			}
			<-proceed
			return nil
		}}
	}
	if err := s.Write(t.Context(), records(0, 1)); err != nil {
		t.Fatal(err)
	}
	<-began
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	for !isClosed(s) { // Close has then to wait for the goroutine, which stands in a write
		runtime.Gosched()
	}
	close(proceed)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	select {
	case <-s.zip.done:
	default:
		t.Error("the goroutine outlives Close")
	}
	if got := namesIn(t, dir); !slices.Equal(got, []string{filepath.Base(paths[0]), "app.jsonl"}) {
		t.Errorf("there are %q", got)
	}
}

func isClosed(s *appender) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func TestAFileThatIsStillWrittenToIsNotRemoved(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9))
	c := newCompressor()
	writes := 0
	c.wrap = func(h handle) handle {
		return faulty{handle: h, write: func([]byte) error {
			// After the three parts of the header comes what was read, at its end.
			if writes++; writes == 4 {
				appendTo(t, paths[0], "late\n")
			}
			return nil
		}}
	}
	err := c.round(t.Context(), s)
	if !errors.Is(err, errGrew) || read(t, paths[0]) != text(0, 9)+"late\n" || len(namesIn(t, dir)) != 1 {
		t.Errorf("%v; there are %q", err, namesIn(t, dir))
	}
}

// Retention has listed the plain file and removes it while it is compressed.
func TestWhatRetentionRemovesMeanwhileDoesNotComeBackCompressed(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9))
	c := newCompressor()
	c.wrap = func(h handle) handle {
		return faulty{handle: h, sync: func() error { return s.remove(mark{"20260101T000000.000", 0}, os.Remove) }}
	}
	if err := c.round(t.Context(), s); err != nil {
		t.Error(err)
	}
	if got := namesIn(t, dir); len(got) != 0 {
		t.Errorf("%s: there are %q", paths[0], got)
	}
}

// Retention comes between the two steps that end a compression.
func TestWhatRetentionHasRemovedByThenIsRemovedCompressedToo(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9))
	c := newCompressor()
	c.rename = func(from, to string) error {
		if err := os.Remove(paths[0]); err != nil { // having seen no compressed one
			t.Error(err)
		}
		return os.Rename(from, to)
	}
	if err := c.round(t.Context(), s); err != nil || len(namesIn(t, dir)) != 0 {
		t.Errorf("%v; there are %q", err, namesIn(t, dir))
	}
}

func TestTheOriginalIsOnTheDiskBeforeItIsCompressedAndTheDirectoryBeforeItIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s, paths := plainIn(t, dir, text(0, 9))
	c := newCompressor()
	c.sync = func(f *os.File) error { return errors.Join(f.Sync(), syscall.EIO) }
	if err := c.round(t.Context(), s); !errors.Is(err, syscall.EIO) || len(namesIn(t, dir)) != 1 {
		t.Errorf("%v; there are %q", err, namesIn(t, dir))
	}
	c = newCompressor()
	c.syncDir = func(string) error {
		if got := namesIn(t, dir); len(got) != 2 {
			t.Errorf("the directory is synced with %q in it", got)
		}
		return syscall.EIO
	}
	if err := c.round(t.Context(), s); !errors.Is(err, syscall.EIO) || read(t, paths[0]) != text(0, 9) {
		t.Errorf("got %v", err)
	}
}

// After a power failure the plain file, which was not synced, may be short beside a whole
// compressed one.
func TestAWholeCompressedFileIsNotReplacedByWhatAPowerFailureLeft(t *testing.T) {
	whole := strings.Repeat(text(0, 1000), 50)
	for name, plain := range map[string]string{"nothing": "", "a part": text(0, 9), "all of it": whole} {
		dir := t.TempDir()
		s, paths := plainIn(t, dir, whole)
		if err := newCompressor().round(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		touch(t, dir, filepath.Base(paths[0])+".gz.tmp")
		if err := os.WriteFile(paths[0], []byte(plain), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := newCompressor().round(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := namesIn(t, dir); len(got) != 1 || unzip(t, paths[0]+".gz") != whole {
			t.Errorf("%s: there are %q", name, got)
		}
	}
}

func TestACompressedFileThatIsNotWholeIsReplaced(t *testing.T) {
	for name, damage := range map[string]func(path string, size int64) error{
		"cut off": func(path string, size int64) error { return os.Truncate(path, size-1) },
		"empty":   func(path string, size int64) error { return os.Truncate(path, 0) },
		"with zeros at its end": func(path string, size int64) error {
			return errors.Join(os.Truncate(path, size-9), os.Truncate(path, size))
		},
		"shorter than the plain": func(path string, _ int64) error { return nil },
	} {
		dir := t.TempDir()
		s, paths := plainIn(t, dir, text(0, 9))
		if err := newCompressor().round(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(paths[0] + ".gz")
		if err := errors.Join(err, damage(paths[0]+".gz", info.Size()), os.WriteFile(paths[0], []byte(text(0, 10)), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := newCompressor().round(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := namesIn(t, dir); len(got) != 1 || unzip(t, paths[0]+".gz") != text(0, 10) {
			t.Errorf("%s: there are %q", name, got)
		}
	}
}

func TestLinksAndDirectoriesAreNotCompressed(t *testing.T) {
	dir := t.TempDir()
	s, _ := plainIn(t, dir)
	touch(t, dir, "other")
	if err := errors.Join(os.Mkdir(s.rotated(mark{"20260101T000000.000", 0}), 0o700), os.Symlink("other", s.rotated(mark{"20260101T000000.000", 1}))); err != nil {
		t.Fatal(err)
	}
	if err := newCompressor().round(t.Context(), s); err != nil || len(namesIn(t, dir)) != 3 {
		t.Errorf("%v; there are %q", err, namesIn(t, dir))
	}
}

func TestCopyStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := readerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if _, err := copyUntil(ctx, io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n, err := copyUntil(t.Context(), io.Discard, bytes.NewReader(make([]byte, 1<<20))); n != 1<<20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := copyUntil(t.Context(), io.Discard, readerFunc(func([]byte) (int, error) { return 0, syscall.EIO })); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
