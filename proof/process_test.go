//go:build unix

package proof

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// limit is when a wait for something that is to come has failed. It decides nothing
// else.
const limit = 2 * time.Minute

// process is a child as its parent sees it.
type process struct {
	t      *testing.T
	plan   plan
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
	read   chan struct{} // closed when the pipe has ended

	mu      sync.Mutex
	changed chan struct{}       // closed, and forgotten, with the next message; nil: nobody waits
	acks    map[producer]uint64 // records each producer has had accepted
	acked   uint64              // their sum
	got     map[uint32]uint64   // records each sink was given
	count   map[kind]int        // messages of each kind
	value   map[kind]uint64     // the last one's value; of memory the greatest
}

// start runs a child. A binary of "" is this one.
func start(t *testing.T, binary string, p plan, env ...string) *process {
	t.Helper()
	if binary == "" {
		binary = os.Args[0]
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &process{
		t: t, plan: p, cmd: exec.Command(binary), read: make(chan struct{}),
		acks: make(map[producer]uint64), got: make(map[uint32]uint64), count: make(map[kind]int), value: make(map[kind]uint64),
	}
	c.cmd.Env = append(append(os.Environ(), planVariable+"="+string(text)), env...)
	c.cmd.ExtraFiles = []*os.File{w}
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go c.listen(r)
	t.Cleanup(func() { _ = c.cmd.Process.Kill() }) // if the test has not come to its end
	return c
}

func (c *process) listen(r *os.File) {
	defer close(c.read)
	defer r.Close()
	in := bufio.NewReaderSize(r, 1<<16)
	b := make([]byte, messageBytes)
	for {
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		c.take(readMessage(b))
	}
}

func (c *process) take(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[m.kind]++
	switch m.kind {
	case accepted:
		p := producer(m.who)
		c.acked += m.value - c.acks[p]
		c.acks[p] = m.value
	case delivered:
		c.got[m.who] = m.value
	case memory:
		c.value[memory] = max(c.value[memory], m.value)
	default:
		c.value[m.kind] = m.value
	}
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// until waits for cond to hold, and reports whether it does: the process may end, or
// the patience.
func (c *process) until(patience time.Duration, cond func() bool) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok := cond()
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-c.read:
			c.mu.Lock()
			defer c.mu.Unlock()
			return cond()
		case <-timer.C:
			return false
		}
	}
}

// await fails the test if cond does not come to hold.
func (c *process) await(what string, cond func() bool) {
	c.t.Helper()
	if !c.until(limit, cond) {
		c.kill()
		c.t.Fatalf("the child has not come to %s\n%s", what, c.stderr.String())
	}
}

// awaitAccepted waits for n more records.
func (c *process) awaitAccepted(n uint64) {
	c.t.Helper()
	c.mu.Lock()
	n += c.acked
	c.mu.Unlock()
	c.await("more records", func() bool { return c.acked >= n })
}

// awaitDelivered waits until the sink has been given n more records.
func (c *process) awaitDelivered(place uint32, n uint64) {
	c.t.Helper()
	c.mu.Lock()
	n += c.got[place]
	c.mu.Unlock()
	c.await("more deliveries", func() bool { return c.got[place] >= n })
}

// told returns how many messages of a kind there were, and the last one's value.
func (c *process) told(k kind) (int, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[k], c.value[k]
}

// kill kills the process and waits for its end.
func (c *process) kill() {
	_ = c.cmd.Process.Kill()
	c.wait()
}

// wait waits for the end of the process and of its messages.
func (c *process) wait() syscall.WaitStatus {
	<-c.read
	_ = c.cmd.Wait() // its status is looked at below
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.ExitStatus() >= 90 {
		c.t.Errorf("the child could not do its part:\n%s", c.stderr.String())
	}
	return status
}

// ledger waits for a child that closes and returns its last word.
func (c *process) ledger() (s fapilog.Stats) {
	c.t.Helper()
	if status := c.wait(); status.ExitStatus() != 0 {
		c.t.Fatalf("the last child ended with %v:\n%s", c.cmd.ProcessState, c.stderr.String())
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &s); err != nil {
		c.t.Fatalf("%v in %q", err, c.stdout.String())
	}
	return s
}

// binaries are this package's test binaries by the tag they were built with.
type binaries struct {
	mu    sync.Mutex
	dir   string
	paths map[string]string
}

var built = binaries{paths: make(map[string]string)}

// build returns the test binary built with a tag.
func (b *binaries) build(t *testing.T, tag string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if path, ok := b.paths[tag]; ok {
		return path
	}
	if b.dir == "" {
		var err error
		if b.dir, err = os.MkdirTemp("", "proof"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(b.dir, tag)
	out, err := exec.Command("go", "test", "-c", "-tags", tag, "-o", path, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go test -c -tags %s: %v\n%s", tag, err, out)
	}
	b.paths[tag] = path
	return path
}

// remove removes what was built.
func (b *binaries) remove() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}
