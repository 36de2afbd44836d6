package integration

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program returns the path of a program. Where there is none, the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	// Debian keeps servers where a user's PATH does not lead.
	if path, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil {
		return path
	}
	t.Skipf("NOT TESTED: %s is missing; get it with integration/servers install", name)
	return ""
}

// start starts a server. It is stopped at the end of the test, and what it has
// printed is told if the test has failed.
func start(t *testing.T, name string, args ...string) {
	t.Helper()
	var output log
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		if err := stop(c.Process, ended); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if t.Failed() {
			t.Logf("%s has printed\n%s", name, output.tail(4<<10))
		}
	})
}

// stop ends a process, at first politely.
func stop(p *os.Process, ended <-chan error) error {
	_ = p.Signal(syscall.SIGTERM) // fails if it has ended, which is told below
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		_ = p.Kill()
		<-ended
		return errors.New("it did not end within 10 s of SIGTERM")
	}
}

// log keeps what a process prints.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// tail returns the last n bytes.
func (l *log) tail(n int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := bytes.Clone(l.b.Bytes())
	return b[max(0, len(b)-n):]
}

// freeAddress returns a loopback address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// within tries until there is no error, for 20 s at most: other processes have no
// clock that a test could wind.
func within(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
