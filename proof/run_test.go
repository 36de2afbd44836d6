//go:build unix

package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fapilog/fapilog"
)

// command returns the built command fapilog.
func (b *binaries) command(t *testing.T) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if path, ok := b.paths["../cmd/fapilog"]; ok {
		return path
	}
	if b.dir == "" {
		var err error
		if b.dir, err = os.MkdirTemp("", "proof"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(b.dir, "fapilog")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/fapilog").CombinedOutput(); err != nil {
		t.Fatalf("go build ../cmd/fapilog: %v\n%s", err, out)
	}
	b.paths["../cmd/fapilog"] = path
	return path
}

// ran is a run of fapilog run, from outside.
type ran struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// toConsole carries what a program writes to the standard output, as JSON.
const toConsole = "FAPILOG_SINKS=stdout://?format=json"

// newRun returns a run with the given arguments, of which some are flags, and
// variables. It writes to buffers.
func newRun(t *testing.T, vars []string, args ...string) *ran {
	t.Helper()
	r := &ran{t: t, cmd: exec.CommandContext(t.Context(), built.command(t), append([]string{"run"}, args...)...)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FAPILOG_") {
			r.cmd.Env = append(r.cmd.Env, v)
		}
	}
	r.cmd.Env = append(r.cmd.Env, vars...)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	return r
}

// runScript runs a shell's script to its end, with its output to the console.
func runScript(t *testing.T, script string, flags ...string) *ran {
	t.Helper()
	r := newRun(t, []string{toConsole}, append(flags, "--", "sh", "-c", script)...)
	r.toEnd()
	return r
}

func (r *ran) start() {
	r.t.Helper()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
}

// wait waits for the end and returns how it came.
func (r *ran) wait() syscall.WaitStatus {
	r.t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return r.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func (r *ran) toEnd() {
	r.t.Helper()
	r.start()
	r.wait()
}

func (r *ran) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// wantStatus checks the status of the run, which must have exited.
func (r *ran) wantStatus(want int) {
	r.t.Helper()
	if got := r.cmd.ProcessState.ExitCode(); got != want {
		r.t.Errorf("%q: %v, want status %d\n%s", r.cmd.Args[2:], r.cmd.ProcessState, want, r.stderr.String())
	}
}

// ledger returns what the last line of standard error says.
func (r *ran) ledger() (s fapilog.Stats) {
	r.t.Helper()
	lines := splitLines(bytes.TrimSuffix(r.stderr.Bytes(), []byte("\n")))
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		r.t.Fatalf("%v in the last line of %q", err, r.stderr.String())
	}
	return s
}

// line is a record made of a line.
type line struct {
	Stream, Msg string
}

// linesOf returns the records in an output. Of one that was cut off in a line that one
// is left out.
func linesOf(t *testing.T, output []byte) (all []line) {
	t.Helper()
	for len(output) > 0 {
		text, rest, whole := bytes.Cut(output, []byte("\n"))
		if output = rest; !whole {
			return all
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		all = append(all, l)
	}
	return all
}

// said returns what a program has said to the console, stream and message.
func (r *ran) said() string {
	r.t.Helper()
	var b strings.Builder
	for _, l := range linesOf(r.t, r.stdout.Bytes()) {
		b.WriteString(l.Stream + ":" + l.Msg + "\n")
	}
	return b.String()
}

func TestRunEndsAsItsProgramDoes(t *testing.T) {
	for script, want := range map[string]int{
		"exit 0":        0,
		"exit 3":        3,
		"exit 7":        7,
		"exit 255":      255,
		"kill -TERM $$": 143,
		"kill -KILL $$": 137,
		"kill -SEGV $$": 139,
	} {
		r := runScript(t, "echo said; "+script)
		r.wantStatus(want)
		if got := r.said(); got != "stdout:said\n" {
			t.Errorf("%s: it said %q", script, got)
		}
		if s := r.ledger(); s.Offered != 1 || !s.Complete() {
			t.Errorf("%s: the ledger is %+v", script, s)
		}
	}
}

func TestRunOfWhatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]int{"no-such-program": 127, filepath.Join(dir, "none"): 127, plain: 126, dir: 126} {
		r := newRun(t, []string{toConsole}, "--", program)
		r.toEnd()
		r.wantStatus(want)
		if !strings.Contains(r.stderr.String(), program) {
			t.Errorf("%q does not say which program it is, %s", r.stderr.String(), program)
		}
	}
}

func TestRunWithAMistakeStartsNothing(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	for name, args := range map[string][]string{
		"an unknown scheme": {"--sink", "lok://canaryuser:canarypassword@h", "--"},
		"an unknown flag":   {"--no-such-flag", "--"},
		"a missing host":    {"--sink", "file://elsewhere/x", "--"},
	} {
		r := newRun(t, nil, append(args, "touch", mark)...)
		r.toEnd()
		r.wantStatus(2)
		if _, err := os.Stat(mark); err == nil {
			t.Fatalf("%s: the program was started", name)
		}
		if name == "an unknown scheme" && strings.Contains(r.stderr.String(), "canary") {
			t.Errorf("%s: a secret is in the output", name)
		}
	}
}

// With a console whose reader has gone every line is lost.
func TestStrictTellsOfLossAlone(t *testing.T) {
	for name, c := range map[string]struct {
		flags  []string
		gone   bool
		script string
		want   int
	}{
		"nothing lost":               {[]string{"--strict"}, false, "echo a", 0},
		"loss":                       {[]string{"--strict"}, true, "echo a; echo b", 3},
		"loss that nobody asked for": {nil, true, "echo a; echo b", 0},
		"loss, of one that fails":    {[]string{"--strict"}, true, "echo a; exit 9", 9},
		"nothing said":               {[]string{"--strict"}, true, "exit 0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, []string{toConsole}, append(c.flags, "--", "sh", "-c", c.script)...)
			if c.gone {
				reader, writer, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer writer.Close()
				_ = reader.Close()
				r.cmd.Stdout = writer
			}
			r.toEnd()
			r.wantStatus(c.want)
		})
	}
}

// The process that was left behind would hold the pipe for a thousand seconds.
func TestRunDoesNotWaitForWhatItsProgramLeavesBehind(t *testing.T) {
	r := runScript(t, `sleep 1000 & echo $!; echo last >&2; exit 4`)
	r.wantStatus(4)
	said := make(map[string]string)
	for _, l := range linesOf(t, r.stdout.Bytes()) {
		said[l.Stream] = l.Msg
	}
	defer func() { _ = exec.Command("kill", "-9", said["stdout"]).Run() }()
	if said["stdout"] == "" || said["stderr"] != "last" || r.ledger().Offered != 2 {
		t.Errorf("it said %q", said)
	}
}

func TestRunHearsTheOtherStreamWhenOneIsClosed(t *testing.T) {
	for script, want := range map[string]string{
		"exec >&-; for i in 1 2 3; do echo $i >&2; done":           "stderr:1\nstderr:2\nstderr:3\n",
		"exec 2>&-; for i in 1 2 3; do echo $i; done":              "stdout:1\nstdout:2\nstdout:3\n",
		"echo 1; exec >&- 2>&-; exit 6":                            "stdout:1\n",
		"printf 'no end of line'; exec >&-; printf 'nor here' >&2": "stderr:nor here\nstdout:no end of line\n",
	} {
		r := runScript(t, script)
		got := r.said()
		if strings.Count(want, "stdout") > 0 && strings.Count(want, "stderr") > 0 { // their order is nobody's
			got = sortedLines(got)
		}
		if got != want || !r.ledger().Complete() {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
		if strings.HasSuffix(script, "exit 6") {
			r.wantStatus(6)
		}
	}
}

func TestRunGivesItsProgramTheStandardInput(t *testing.T) {
	r := newRun(t, []string{toConsole}, "--", "cat")
	r.cmd.Stdin = strings.NewReader("typed\n")
	r.toEnd()
	if got := r.said(); got != "stdout:typed\n" {
		t.Errorf("it said %q", got)
	}
}

// startHeard starts a run whose output is read as it comes.
func (r *ran) startHeard() (hear func() string) {
	r.t.Helper()
	r.cmd.Stdout = nil
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	r.start()
	decoder := json.NewDecoder(out)
	return func() string {
		r.t.Helper()
		var l line
		if err := decoder.Decode(&l); err != nil && err != io.EOF {
			r.t.Fatal(err)
		}
		return l.Msg
	}
}
