package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// process is a server that a test kills and starts again.
type process struct {
	name string
	args []string
	dir  string // its working directory

	mu     sync.Mutex
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has been waited for
	output log
}

// start starts it. At the end of the test it is killed, which no other test notices,
// since its data is the test's, and what it has printed is told if the test has
// failed.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		t.Cleanup(func() {
			p.kill()
			if t.Failed() {
				t.Logf("%s has printed\n%s", p.name, p.output.tail(4<<10))
			}
		})
	}
	cmd, ended := exec.Command(p.name, p.args...), make(chan struct{})
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, &p.output, &p.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it was killed, or the test finds out that it does not answer
	}()
	p.cmd, p.ended = cmd, ended
}

// kill kills it, as kill -9 does, and returns when it is gone.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Kill() // fails if it has ended
	<-p.ended
}

// built returns the path of a server that is built from the directory of that name.
// Where it is not, the test is skipped.
func built(t *testing.T, name string) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	hash := sha256.New()
	for _, file := range []string{"go.mod", "go.sum", "main.go"} {
		text, err := os.ReadFile(filepath.Join(name, file))
		if err != nil {
			t.Fatal(err)
		}
		hash.Write(text)
	}
	path := filepath.Join(cache, "fapilog", "servers", name+"-"+hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(path); err != nil {
		t.Skipf("NOT TESTED: %s is missing; build it with integration/servers build", name)
	}
	return path
}

// answers reports what is wrong with a page that a server shows when it is ready.
func answers(url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}

// write writes a file into a directory and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
