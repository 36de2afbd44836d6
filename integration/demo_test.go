package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// realLogs returns the lines of real log files, without blank ones.
func realLogs(t *testing.T) (lines []string) {
	t.Helper()
	dir := os.Getenv("FAPILOG_LOGHUB")
	if dir == "" {
		t.Skip("NOT TESTED: no real logs; have FAPILOG_LOGHUB name the directory of loghub's *.log files")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("FAPILOG_LOGHUB: no *.log files in %s: %v", dir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// command returns the command fapilog with the variables, and without any others of
// its own.
func command(t *testing.T, variables []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FAPILOG_") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(append(c.Env, role+"="+roleCommand), variables...)
	return c
}

// At the end of its input the command waits for Loki, which with the default settings
// is tried again half a minute after the circuit has opened.
func TestRealLogsReachTheConsoleAtOnceAndLokiWhenItIsThere(t *testing.T) {
	lines, loki := realLogs(t), newLoki(t)
	begin := time.Now()
	c := command(t, []string{"FAPILOG_SINKS=stdout://,loki://" + loki.address + "?labels=app=demo,env=dev"}, "pipe")
	var stdout, stderr log
	c.Stdout, c.Stderr = &stdout, &stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill() // it has ended unless the test has failed
		if t.Failed() {
			t.Logf("fapilog has said\n%s", stderr.tail(4<<10))
		}
	})

	if _, err := stdin.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
	within(t, "the console has everything while there is no Loki", func() error {
		if n := bytes.Count(stdout.tail(1<<30), []byte("\n")); n != len(lines) {
			return fmt.Errorf("it has %d lines of %d", n, len(lines))
		}
		return nil
	})
	t.Logf("%d lines are on the console after %v", len(lines), time.Since(begin).Round(time.Millisecond))
	within(t, "the circuit is open", func() error {
		if !bytes.Contains(stderr.tail(1<<20), []byte("sink circuit open")) {
			return fmt.Errorf("it is not: %s", stderr.tail(1<<10))
		}
		return nil
	})

	loki.up(t)
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("fapilog pipe: %v", err)
		}
	case <-time.After(50 * time.Second):
		t.Fatal("fapilog pipe does not end")
	}
	console := messages(t, stdout.tail(1<<30))
	var there bytes.Buffer
	for next := begin; ; {
		page := loki.query(t, `{app="demo",env="dev"}`, next)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			there.WriteString(e.line + "\n")
		}
		next = time.Unix(0, page[len(page)-1].time+1)
	}
	if got := messages(t, there.Bytes()); !slices.Equal(got, console) {
		t.Errorf("Loki has %d lines, the console %d, and they are not the same", len(got), len(console))
	}
	for i, line := range lines {
		if console[i] != wellFormed(line) && !strings.Contains(console[i], "***") { // a mask
			t.Fatalf("line %d is %q, want %q", i, console[i], line)
		}
	}
}

// messages returns the messages of records, one a line.
func messages(t *testing.T, text []byte) (all []string) {
	t.Helper()
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for scanner.Buffer(nil, 1<<20); scanner.Scan(); {
		var r struct{ Msg string }
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			t.Fatalf("%v in %q", err, scanner.Bytes())
		}
		all = append(all, r.Msg)
	}
	return all
}
