//go:build unix

package child

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// as makes the test binary one of the programs below.
const as = "CHILD_TEST_AS"

// programs are what the test binary can be. Each returns its status.
var programs = map[string]func(args []string) int{"reporter": report, "supervisor": supervise}

func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(as); ok {
		os.Exit(programs[name](os.Args[1:]))
	}
	os.Exit(m.Run())
}

// self returns the command that is the test binary as a program. What is started has
// the environment of the starter, so env sets the variable; the race detector's default
// is a second of sleep at the end.
func self(program string) []string {
	return []string{"/usr/bin/env", as + "=" + program, "GORACE=atexit_sleep_ms=0", os.Args[0]}
}

// begin starts a program, of which nothing is left after the test.
func begin(t *testing.T, args ...string) *Child {
	t.Helper()
	c, err := Start(args)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		signal.Stop(c.signals) // if it is not forwarded
		_, _ = c.Stdout.Close(), c.Stderr.Close()
		select {
		case <-c.Exited():
		default:
			_ = c.process.Kill()
			c.Wait()
		}
	})
	return c
}

func script(t *testing.T, text string) *Child {
	t.Helper()
	return begin(t, "sh", "-c", text)
}

// all reads a stream to its end.
func all(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestStatusIsThatOfAShell(t *testing.T) {
	for text, want := range map[string]int{
		"exit 0":        0,
		"exit 3":        3,
		"exit 127":      127,
		"exit 255":      255,
		"kill -HUP $$":  129,
		"kill -KILL $$": 137,
		"kill -SEGV $$": 139,
		"kill -TERM $$": 143,
	} {
		if got := script(t, text).Wait(); got != want {
			t.Errorf("%s: status %d, want %d", text, got, want)
		}
	}
}

func TestStreamsAreSeparateAndEndWithTheProgram(t *testing.T) {
	c := script(t, "echo to the first; echo to the second >&2; echo once more")
	if got := all(t, c.Stdout); got != "to the first\nonce more\n" {
		t.Errorf("standard output: %q", got)
	}
	if got := all(t, c.Stderr); got != "to the second\n" {
		t.Errorf("standard error: %q", got)
	}
}

func TestProgramThatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("plain", "#!/bin/sh\n", 0o644)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for name, c := range map[string]struct {
		program string
		status  int
		text    string
	}{
		"no such name":            {"no-such-program", 127, "PATH"},
		"an empty name":           {"", 127, ""},
		"no such file":            {filepath.Join(dir, "none"), 127, "no such file"},
		"a file that is no path":  {filepath.Join(dir, "plain", "x"), 126, "not a directory"},
		"a directory":             {dir, 126, "is a directory"},
		"not executable":          {filepath.Join(dir, "plain"), 126, "permission denied"},
		"not executable, in PATH": {"plain", 126, "permission denied"},
		"no program":              {file("noise", "\x7fnoise", 0o755), 126, "format"},
		"no interpreter":          {file("orphaned", "#!/no/such/shell\n", 0o755), 127, "interpreter"},
		"a NUL in the name":       {"a\x00b", 127, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start([]string{c.program, "argument"})
			var e *StartError
			if !errors.As(err, &e) {
				t.Fatalf("the error is %v", err)
			}
			if e.Status != c.status || !strings.Contains(err.Error(), c.text) {
				t.Errorf("status %d, want %d; %v, want %q in it", e.Status, c.status, err, c.text)
			}
		})
	}
	if _, err := Start(nil); err == nil || err.Error() != "no program is named" {
		t.Errorf("without arguments: %v", err)
	}
}

func TestProgramInTheCurrentDirectoryIsFoundIfPATHNamesIt(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("here", []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", ".")
	if got := begin(t, "here").Wait(); got != 9 {
		t.Errorf("status %d, want 9", got)
	}
}

// A process that the program has left behind holds its pipes.
func TestCloseEndsAReadThatWaits(t *testing.T) {
	c := script(t, "sleep 1000 & echo $!")
	pid := make([]byte, 32)
	n, err := c.Stdout.Read(pid)
	if err != nil {
		t.Fatal(err)
	}
	sleeper, err := strconv.Atoi(strings.TrimSpace(string(pid[:n])))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(sleeper, syscall.SIGKILL)
	if got := c.Wait(); got != 0 {
		t.Errorf("status %d", got)
	}
	for _, r := range []io.ReadCloser{c.Stdout, c.Stderr} {
		ended := make(chan error)
		go func() {
			_, err := r.Read(pid)
			ended <- err
		}()
		_ = r.Close()
		if err := <-ended; !errors.Is(err, os.ErrClosed) {
			t.Errorf("the read ends with %v", err)
		}
	}
}

func TestClosedStreamDoesNotEndTheOther(t *testing.T) {
	c := script(t, "exec >&-; echo one >&2; echo two >&2; exit 5")
	if got := all(t, c.Stdout); got != "" {
		t.Errorf("standard output: %q", got)
	}
	if got := all(t, c.Stderr); got != "one\ntwo\n" {
		t.Errorf("standard error: %q", got)
	}
	if got := c.Wait(); got != 5 {
		t.Errorf("status %d, want 5", got)
	}
}

func TestStandardInputIsTheProgramsOwn(t *testing.T) {
	cmd := exec.Command(os.Args[0], "cat")
	cmd.Env = append(os.Environ(), as+"=supervisor")
	cmd.Stdin = strings.NewReader("what was typed\n")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "what was typed\n" {
		t.Errorf("%q, %v", out, err)
	}
}
