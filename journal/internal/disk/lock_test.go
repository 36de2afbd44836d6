//go:build darwin || linux

package disk

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// role says what a test binary that a test has started is to do; path is the
// file it is about.
const (
	role = "FAPILOG_DISK_TEST_ROLE"
	path = "FAPILOG_DISK_TEST_PATH"
)

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "lock":
		lockAndStart()
	case "wait":
		os.Stdout.WriteString("waiting\n")
		io.Copy(io.Discard, os.Stdin)
	case "limit":
		limited()
	default:
		os.Exit(m.Run())
	}
}

// lockAndStart locks, starts a child that outlives it, and waits to be killed.
func lockAndStart() {
	f, err := OS().Open(os.Getenv(path))
	if err == nil {
		_, err = f.TryLock()
	}
	if err == nil {
		_, err = start("wait", os.Stdin)
	}
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
	}
	io.Copy(io.Discard, os.Stdin)
}

// start starts the test binary in a role, and returns when it has said its first
// line, which is in its Args then.
func start(as string, stdin *os.File) (*exec.Cmd, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), role+"="+as, "GORACE=atexit_sleep_ms=0")
	c.Stdin, c.Stdout, c.Stderr = stdin, w, os.Stderr
	err = c.Start()
	w.Close()
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	c.Args = []string{line}
	if as == "wait" {
		os.Stdout.WriteString(line) // tells its grandparent
	}
	return c, err
}

func TestLockExcludesOtherOpenFilesOfThisProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	a := create(t, name)
	b, err := OS().Open(name)
	must(t, err)
	defer b.Close()
	locked(t, "first", a, true)
	locked(t, "second", b, false)
	locked(t, "first again", a, true)
	must(t, a.Close())
	locked(t, "second after the first was closed", b, true)
}

func TestLockIsGoneWithItsProcessThoughAChildLives(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	f := create(t, name)
	stdin, hold, err := os.Pipe()
	must(t, err)
	defer hold.Close() // ends the grandchild
	t.Setenv(path, name)
	child, err := start("lock", stdin)
	stdin.Close()
	must(t, err)
	if child.Args[0] != "waiting\n" {
		t.Errorf("the child says %q", child.Args[0])
	}
	locked(t, "the child has it", f, false)
	must(t, child.Process.Kill())
	child.Wait()
	locked(t, "the child is dead, its own child is not", f, true)
	if _, err := hold.Write([]byte("x")); err != nil {
		t.Errorf("nobody waits any more, so nothing is shown: %v", err)
	}
}

func TestCloseUnlocksWhileOtherGoroutinesStartProcesses(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	create(t, name)
	var starters sync.WaitGroup
	for range 2 {
		starters.Go(func() {
			for range 100 {
				// It is a child until it fails to execute this.
				if p, err := os.StartProcess(name, nil, &os.ProcAttr{}); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("started %v, %v", p, err)
				}
			}
		})
	}
	done := make(chan struct{}) // closed when no process is being started
	go func() { starters.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		f, err := OS().Open(name)
		must(t, err)
		locked(t, "while processes start", f, true)
		must(t, f.Close())
	}
}

func locked(t *testing.T, when string, f File, want bool) {
	t.Helper()
	if got, err := f.TryLock(); got != want || err != nil {
		t.Errorf("%s: %v, %v; want %v", when, got, err, want)
	}
}
