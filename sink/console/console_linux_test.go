package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/fapilog/fapilog/sink"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("CONSOLE_TEST_CHILD"); role != "" {
		child(role)
	}
	os.Exit(m.Run())
}

// child is another process, with a standard output of the test's making.
func child(role string) {
	s, err := New(Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	switch role {
	case "gone":
		err := s.Write(context.Background(), records(0, 1))
		var e *sink.Error
		if !errors.As(err, &e) || e.Verdict != sink.Gone || len(e.Items) > 0 || !errors.Is(err, syscall.EPIPE) {
			fmt.Fprintln(os.Stderr, "not gone:", err)
			os.Exit(1)
		}
		fmt.Fprint(os.Stderr, "alive")
	case "unguarded":
		_, err := os.Stdout.WriteString("x\n")
		fmt.Fprint(os.Stderr, "alive: ", err)
	default: // a number: write that many lines that tell who wrote them
		n, _ := strconv.Atoi(role)
		if err := s.Write(context.Background(), tagged(os.Getpid(), n)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// tagged returns n records of many lengths, the longest just short of PIPE_BUF.
func tagged(tag, n int) (batch []sink.Record) {
	for i := range n {
		pad := strings.Repeat(string(rune('a'+i%26)), i*37%4000)
		batch = append(batch, sink.Record{ID: sink.ID{Journal: [16]byte{2}, Seq: uint64(i)}, JSON: fmt.Appendf(nil, `{"%d":%d,"p":"%s"}`, tag, i, pad)})
	}
	return batch
}

func runChild(t *testing.T, role string, stdout *os.File) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CONSOLE_TEST_CHILD="+role)
	cmd.Stdout = stdout
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &stderr
}

// pipe returns a pipe whose ends are blocking, as a shell makes them.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(fds[0]), "reader"), os.NewFile(uintptr(fds[1]), "writer")
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

func TestClosedPipeIsGoneAndTheProcessLives(t *testing.T) {
	r, w := pipe(t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	cmd, stderr := runChild(t, "gone", w)
	if err := cmd.Wait(); err != nil || stderr.String() != "alive" {
		t.Errorf("%v: %s", err, stderr)
	}
	// Without the duplicate it does not: this is what the test is able to see.
	cmd, stderr = runChild(t, "unguarded", w)
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("a write to descriptor 1 itself: %v, %s", err, stderr)
	}
}

func TestLinesOfTwoProcessesOnOnePipeAreWhole(t *testing.T) {
	const n = 1500
	r, w := pipe(t)
	first, err1 := runChild(t, strconv.Itoa(n), w)
	second, err2 := runChild(t, strconv.Itoa(n), w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	next := map[int]int{first.Process.Pid: 0, second.Process.Pid: 0}
	expected := map[int][]sink.Record{first.Process.Pid: tagged(first.Process.Pid, n), second.Process.Pid: tagged(second.Process.Pid, n)}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var pid int
		if _, err := fmt.Sscanf(lines.Text(), `{"%d"`, &pid); err != nil {
			t.Fatalf("torn: %.80q", lines.Text())
		}
		i := next[pid]
		next[pid]++
		if i >= n || lines.Text() != string(expected[pid][i].JSON) {
			t.Fatalf("line %d of %d is %.80q", i, pid, lines.Text())
		}
	}
	if err := errors.Join(first.Wait(), second.Wait(), lines.Err()); err != nil {
		t.Fatal(err, err1, err2)
	}
	for pid, i := range next {
		if i != n {
			t.Errorf("%d lines of %d", i, pid)
		}
	}
}

// Two sinks in one process: lines longer than PIPE_BUF are whole too.
func TestLongLinesOfTwoSinksOnOnePipeAreWhole(t *testing.T) {
	r, w := pipe(t)
	var writers sync.WaitGroup
	for tag := range 2 {
		s := open(t, Config{File: w})
		writers.Go(func() {
			defer s.Close() // the reader's end comes when no duplicate is left
			for i := range 20 {
				pad := strings.Repeat(strconv.Itoa(tag), 10_000+1000*i)
				if err := s.Write(t.Context(), []sink.Record{{JSON: []byte(pad)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan int)
	go func() {
		n := 0
		for lines := bufio.NewReader(r); ; n++ {
			line, err := lines.ReadString('\n')
			if err != nil {
				break
			}
			if line = strings.TrimSuffix(line, "\n"); strings.Trim(line, "0") != "" && strings.Trim(line, "1") != "" {
				t.Errorf("torn: %.80q", line)
			}
		}
		done <- n
	}()
	writers.Wait()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if n := <-done; n != 40 {
		t.Errorf("%d lines", n)
	}
}

func TestStuckReaderStallsOnlyItsSink(t *testing.T) {
	r, stuck := pipe(t)
	s := open(t, Config{File: stuck})
	line := []sink.Record{{JSON: bytes.Repeat([]byte("x"), 1_000_000-1)}}
	result := make(chan error, 1)
	go func() { result <- s.Write(t.Context(), line) }()
	if _, err := io.ReadFull(r, make([]byte, 1)); err != nil { // now the write has begun
		t.Fatal(err)
	}
	f, read := temporary(t)
	if err := open(t, Config{File: f}).Write(t.Context(), records(0, 10)); err != nil || read() != text(0, 10) {
		t.Errorf("the other sink: %v, %q", err, read())
	}
	if err := s.Close(); err != nil { // returns although the write is stuck
		t.Error(err)
	}
	select {
	case err := <-result:
		t.Errorf("a pipe took a megabyte that nobody read: %v", err)
	default:
	}
	if n, err := io.CopyN(io.Discard, r, 1_000_000-1); err != nil {
		t.Errorf("%d more bytes read, %v", n, err)
	}
	if err := <-result; err != nil {
		t.Errorf("the write that was stuck: %v", err)
	}
}

// The Go runtime opens /dev/null for a standard file that is closed at start.
func TestProcessThatStartsWithoutStandardOutputLives(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", `exec "$0" >&-`, os.Args[0])
	cmd.Env = append(os.Environ(), "CONSOLE_TEST_CHILD=10")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// The pipe is non-blocking and holds less than a line. However far each attempt comes
// before its deadline, what is read in the end is every line once.
func TestNonBlockingPipeKeepsLinesWholeAcrossDeadlines(t *testing.T) {
	r, w, err := os.Pipe() // package os makes them non-blocking
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := open(t, Config{File: w})
	batch := records(0, 3)
	batch[1].JSON = []byte(`{"pad":"` + strings.Repeat("x", 200_000) + `"}`)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := s.Write(ctx, batch); err == nil {
			t.Errorf("attempt with nobody reading: %v", err)
		}
		cancel()
	}
	var want strings.Builder
	for _, r := range batch {
		fmt.Fprintf(&want, "%s\n", r.JSON)
	}
	got := make(chan string)
	go func() {
		b, err := io.ReadAll(io.LimitReader(r, int64(want.Len())))
		if err != nil {
			t.Error(err)
		}
		got <- string(b)
	}()
	if err := s.Write(t.Context(), batch); err != nil {
		t.Error(err)
	}
	if got := <-got; got != want.String() {
		t.Errorf("read %d bytes, want %d: %.60q…", len(got), want.Len(), got)
	}
}

func TestDescriptorThatBecomesNonBlockingLaterIsWaitedFor(t *testing.T) {
	r, w := pipe(t)
	s := open(t, Config{File: w})
	setNonblock(t, w, true) // another process that shares it does so
	got := make(chan int64)
	go func() {
		n, _ := io.CopyN(io.Discard, r, 1_000_000)
		got <- n
	}()
	if err := s.Write(t.Context(), []sink.Record{{JSON: bytes.Repeat([]byte("x"), 999_999)}}); err != nil {
		t.Error(err)
	}
	if n := <-got; n != 1_000_000 {
		t.Errorf("read %d bytes", n)
	}
}

func TestFlagsOfTheSharedDescriptorAreLeftAlone(t *testing.T) {
	for _, nonblock := range []bool{false, true} {
		_, w := pipe(t)
		setNonblock(t, w, nonblock)
		s := open(t, Config{File: w})
		if err := s.Write(t.Context(), records(0, 1)); err != nil {
			t.Error(err)
		}
		if got := flags(t, w, syscall.F_GETFL)&syscall.O_NONBLOCK != 0; got != nonblock {
			t.Errorf("non-blocking: %v, was %v", got, nonblock)
		}
		dup := s.out.current()
		if fd := descriptorOf(t, dup); fd < 3 {
			t.Errorf("the duplicate is descriptor %d", fd)
		}
		if flags(t, dup, syscall.F_GETFD)&syscall.FD_CLOEXEC == 0 {
			t.Error("the duplicate is inherited by children")
		}
	}
}

func setNonblock(t *testing.T, f *os.File, on bool) {
	t.Helper()
	if err := syscall.SetNonblock(descriptorOf(t, f), on); err != nil {
		t.Fatal(err)
	}
}

func descriptorOf(t *testing.T, f *os.File) (fd int) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err == nil {
		err = conn.Control(func(p uintptr) { fd = int(p) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func flags(t *testing.T, f *os.File, command uintptr) uintptr {
	t.Helper()
	got, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptorOf(t, f)), command, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return got
}

func TestFullDeviceIsAnErrorToTryAgain(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = open(t, Config{File: f}).Write(t.Context(), records(0, 1))
	var e *sink.Error
	if !errors.Is(err, syscall.ENOSPC) || errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

// terminalPair returns a pseudo-terminal: what is written to tty is read from master.
func terminalPair(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlocked uint32
	for request, arg := range map[uintptr]*uint32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlocked} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(descriptorOf(t, master)), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return master, tty
}

func TestTerminalShowsPrettyLinesInColour(t *testing.T) {
	const plain, colored = "INFO  hello n=0", "\x1b[32mINFO \x1b[0m hello \x1b[36mn=\x1b[0m0"
	for _, tt := range []struct{ format, noColor, term, want string }{
		{Auto, "", "xterm", colored},
		{Pretty, "", "xterm", colored},
		{Auto, "1", "xterm", plain},
		{Auto, "", "dumb", plain},
		{JSON, "", "xterm", strings.TrimSpace(text(0, 1))},
		{Logfmt, "", "xterm", "level=INFO msg=hello n=0"},
	} {
		t.Setenv("NO_COLOR", tt.noColor)
		t.Setenv("TERM", tt.term)
		master, tty := terminalPair(t)
		if err := open(t, Config{File: tty, Format: tt.format}).Write(t.Context(), records(0, 1)); err != nil {
			t.Fatal(err)
		}
		got, err := bufio.NewReader(master).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if got != tt.want+"\r\n" {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}
