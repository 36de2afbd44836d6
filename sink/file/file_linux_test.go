package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("FILE_TEST_LIMITED"); path != "" {
		writeLimited(path)
		return
	}
	if path := os.Getenv("FILE_TEST_SHARED"); path != "" {
		writeShared(path)
		return
	}
	os.Exit(m.Run())
}

func TestSpecialFiles(t *testing.T) {
	if err := open(t, "/dev/null").Write(t.Context(), records(0, 1000)); err != nil {
		t.Error(err)
	}
	full := open(t, "/dev/full")
	for range 2 {
		if err := full.Write(t.Context(), records(0, 10)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("/dev/full: %v", err)
		}
	}
}

func TestFIFOWithoutAReaderIsAnErrorUntilThereIsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&Config{Path: path}).Validate(); err != nil {
		t.Error(err)
	}
	s := open(t, path)
	for n := 0; n < 4; n += 2 { // the second reader comes after the first has gone
		if err := s.Write(t.Context(), records(n, n+2)); !errors.Is(err, syscall.ENXIO) && !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("without a reader: %v", err)
		}
		r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), records(n, n+2)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if k, err := r.Read(buf); err != nil || string(buf[:k]) != text(n, n+2) {
			t.Errorf("read %q, %v", buf[:k], err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestFIFOThatCannotBeSyncedIsClosedWithoutAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, fsync := range []Fsync{EveryBatch, Fsync(time.Hour)} {
		s, err := New(Config{Path: path, Fsync: fsync})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), records(0, 1)); err != nil {
			t.Errorf("fsync=%v: %v", fsync, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("fsync=%v: %v", fsync, err)
		}
	}
}

// The line is longer than a pipe holds: the first attempt ends in the middle of it.
func TestSlowReaderOfAFIFOGetsTheRestOfTheLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := open(t, path)
	batch := records(0, 2)
	batch[1].JSON = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	rest, err := retry(ctx, s, batch)
	if err == nil {
		t.Fatal("a pipe took a megabyte that nobody read")
	}
	read := make(chan string)
	go func() {
		b := bufio.NewReader(r)
		first, _ := b.ReadString('\n')
		second, _ := b.ReadString('\n')
		read <- first + second
	}()
	if err := s.Write(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != text(0, 1)+string(batch[1].JSON)+"\n" {
		t.Errorf("read %d bytes: %.40q…", len(got), got)
	}
}

// The limit on the size of files is the child's alone.
func TestLinesStayWholeUnderALimitOnTheSizeOfFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "FILE_TEST_LIMITED="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := read(t, path); got != text(0, 300) {
		t.Errorf("the file holds %d bytes: %.100q…", len(got), got)
	}
}

// fail ends a child.
func fail(problem ...any) {
	fmt.Fprintln(os.Stderr, problem...)
	os.Exit(1)
}

// limit limits how large this process may make a file; 0: not at all.
func limit(n uint64) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		fail(err)
	}
	l.Cur = n
	if n == 0 {
		l.Cur = l.Max
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		fail(err)
	}
}

// Processes write and rotate one file, each against a limit of its own that ends writes
// in the middle of lines.
func TestProcessesThatShareAFileLoseAndTearNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.jsonl")
	var children []*exec.Cmd
	for i := range 3 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "FILE_TEST_SHARED="+path, fmt.Sprintf("FILE_TEST_FIRST=%d", 10000*i))
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, child)
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
	count := map[string]int{}
	for _, name := range namesIn(t, dir) {
		for l := range strings.Lines(read(t, filepath.Join(dir, name))) {
			count[l]++
		}
	}
	for i := range 3 {
		for l := range strings.Lines(text(10000*i, 10000*i+sharedRecords)) {
			if count[l] != 1 {
				t.Errorf("%q stands there %d times", l, count[l])
			}
			delete(count, l)
		}
	}
	if len(count) > 0 {
		t.Errorf("torn: %v", count)
	}
	if n := len(namesIn(t, dir)); n < 5 {
		t.Errorf("%d files: the file was hardly rotated", n)
	}
}

const sharedRecords = 1000

func writeShared(path string) {
	first, err := strconv.Atoi(os.Getenv("FILE_TEST_FIRST"))
	if err != nil {
		fail(err)
	}
	s, err := New(Config{Path: path, MaxSize: 4000})
	if err != nil {
		fail(err)
	}
	rnd, torn := rand.New(rand.NewPCG(uint64(first), 4)), 0
	for left := records(first, first+sharedRecords); len(left) > 0; {
		if rnd.IntN(2) == 0 {
			limit(uint64(1 + rnd.IntN(4000)))
		}
		batch := left[:min(len(left), 1+rnd.IntN(20))]
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		rest, err := retry(ctx, s, batch)
		cancel()
		limit(0)
		switch {
		case err == nil:
			rest = nil
		case errors.Is(err, syscall.EFBIG):
			torn++
		default:
			fail(err)
		}
		left = left[len(batch)-len(rest):]
	}
	if torn == 0 {
		fail("no write was cut short")
	}
}

// writeLimited writes 300 records against a limit of 1000 bytes that is then lifted.
func writeLimited(path string) {
	s, err := New(Config{Path: path})
	if err != nil {
		fail(err)
	}
	limit(1000)
	batch := records(0, 300)
	for range 3 {
		if batch, err = retry(context.Background(), s, batch); !errors.Is(err, syscall.EFBIG) {
			fail("no EFBIG")
		}
		got, err := os.ReadFile(path)
		if err != nil || len(got) == 0 || len(got) > 1000 || got[len(got)-1] != '\n' {
			fail("torn at the limit")
		}
	}
	limit(0)
	if _, err := retry(context.Background(), s, batch); err != nil {
		fail(err)
	}
}

func TestFullDiskThatGetsRoomAgain(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root can mount a small tmpfs")
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("SKIPPED: no tmpfs can be mounted: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	filler, path := filepath.Join(dir, "filler"), filepath.Join(dir, "app.log")
	if err := os.WriteFile(filler, make([]byte, 40<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	const all = 4000
	rest, err := retry(t.Context(), s, records(0, all))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	written := all - len(rest)
	if got := read(t, path); got != text(0, written) {
		t.Errorf("the full disk holds %d bytes for %d records", len(got), written)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	var partial *sink.Error
	if err := s.Write(t.Context(), rest); err != nil && !errors.As(err, &partial) {
		t.Fatal(err)
	}
	if got := read(t, path); got != text(0, all) {
		t.Errorf("the file holds %d bytes, want %d", len(got), len(text(0, all)))
	}
}

func TestMissingPermissionIsToldByValidate(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := errors.Join(os.WriteFile(plain, nil, 0o400), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, filepath.Join(dir, "new"), filepath.Join(dir, "a", "new")} {
		err := asNobody(func() error { return (&Config{Path: path}).Validate() })
		if err == nil || !strings.Contains(err.Error(), "no permission") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// asNobody calls f on a thread whose real user is one without rights: that is the
// one that access(2) goes by. The thread ends with the goroutine, since it is locked.
func asNobody(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		const nobody, same = 65534, ^uintptr(0)
		if os.Getuid() == 0 {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, same, same); errno != 0 {
				result <- errno
				return
			}
		}
		result <- f()
	}()
	return <-result
}
