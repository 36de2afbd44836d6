//go:build unix

package proof

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func sortedLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// waits is the rest of a script that waits for signals, whose traps come before. What
// it waits for does not hold its output.
const waits = `echo ready; sleep 1000 >/dev/null 2>&1 & while :; do wait $!; done`

func needNotIgnored(t *testing.T, s os.Signal) {
	t.Helper()
	if signal.Ignored(s) {
		t.Skipf("SKIPPED: the tests were started with %v ignored", s)
	}
}

func TestRunForwardsSignals(t *testing.T) {
	for name, s := range map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT, "USR1": syscall.SIGUSR1,
		"USR2": syscall.SIGUSR2, "ALRM": syscall.SIGALRM, "TERM": syscall.SIGTERM, "CONT": syscall.SIGCONT, "TSTP": syscall.SIGTSTP,
		"WINCH": syscall.SIGWINCH, "VTALRM": syscall.SIGVTALRM,
	} {
		t.Run(name, func(t *testing.T) {
			needNotIgnored(t, s)
			r := newRun(t, []string{toConsole}, "--", "sh", "-c", `trap 'echo has it; kill $!; exit 11' `+name+`; `+waits)
			hear := r.startHeard()
			for _, want := range []string{"ready", "has it", ""} {
				if got := hear(); got != want {
					t.Errorf("it said %q, want %q", got, want)
				}
				if want == "ready" {
					r.signal(s)
				}
			}
			r.wait()
			r.wantStatus(11)
		})
	}
}

func TestRunDiesWithItsProgramOfASignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1} {
		needNotIgnored(t, s)
		r := newRun(t, []string{toConsole}, "--", "sh", "-c", "echo ready; exec sleep 1000")
		hear := r.startHeard()
		hear()
		r.signal(s)
		hear()
		r.wait()
		r.wantStatus(128 + int(s))
	}
}

func TestRunKeepsItsOwnSignals(t *testing.T) {
	r := newRun(t, []string{toConsole}, "--", "sh", "-c", `for s in CHLD PIPE URG; do trap "echo $s" $s; done; trap 'kill $!; exit 12' TERM; `+waits)
	hear := r.startHeard()
	hear()
	for _, s := range []syscall.Signal{syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG} {
		r.signal(s)
	}
	r.signal(syscall.SIGTERM)
	for got := hear(); got != ""; got = hear() {
		if got != "CHLD" { // its own: sleep has ended
			t.Errorf("the program has %s", got)
		}
	}
	r.wait()
	r.wantStatus(12)
}

const lastWords = 10_000 // far more than is in a pipe

// A signal starts no clock while the program lives: what it still says is carried as
// if there had been none. It ends only when all of that has come.
func TestSignalStartsNoClockWhileTheProgramLives(t *testing.T) {
	needNotIgnored(t, syscall.SIGTERM)
	r := newRun(t, []string{toConsole}, "--grace", "1ms", "--",
		"sh", "-c", fmt.Sprintf(`trap 'kill $!; i=0; while [ $i -lt %d ]; do echo word $i; i=$((i+1)); done; read end; exit 13' TERM; %s`, lastWords, waits))
	in, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	hear := r.startHeard()
	hear()
	r.signal(syscall.SIGTERM)
	for i := range lastWords {
		if got, want := hear(), fmt.Sprintf("word %d", i); got != want {
			t.Fatalf("it said %q, want %q", got, want)
		}
	}
	_ = in.Close()
	hear()
	r.wait()
	r.wantStatus(13)
}

// draining starts a run whose program has ended, and whose console nobody reads: it
// waits for that one.
func draining(t *testing.T, flags ...string) *ran {
	t.Helper()
	unread, full, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unread.Close() })
	ended := filepath.Join(t.TempDir(), "ended")
	if err := syscall.Mkfifo(ended, 0o600); err != nil {
		t.Fatal(err)
	}
	script := `exec 9>"$0"; i=0; while [ $i -lt 5000 ]; do echo line $i of what nobody reads; i=$((i+1)); done`
	args := slices.Concat(flags, []string{"--sink", "stdout://?format=json&breaker=false&timeout=1h", "--", "sh", "-c", script, ended})
	r := newRun(t, nil, args...)
	r.cmd.Stdout = full
	r.start()
	_ = full.Close()
	f, err := os.Open(ended)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil { // it has ended
		t.Fatal(err)
	}
	return r
}

func TestSecondSignalEndsTheDraining(t *testing.T) {
	needNotIgnored(t, syscall.SIGTERM)
	for _, c := range []struct {
		flags  []string
		status int
	}{{nil, 0}, {[]string{"--strict"}, 3}} {
		r := draining(t, append(c.flags, "--grace", "1h")...)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = r.cmd.Wait() // its status is looked at below
		}()
		// The first ones may come before run knows of the program's end, and count once.
		for going := true; going; {
			_ = r.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
			select {
			case <-ended:
				going = false
			case <-time.After(20 * time.Millisecond):
			}
		}
		r.wantStatus(c.status)
		if s := r.ledger(); s.Complete() || s.Offered != 5000 || s.Sinks[0].Pending+s.Closed == 0 {
			t.Errorf("the ledger is %+v", s)
		}
	}
}

func TestGraceEndsTheDraining(t *testing.T) {
	for _, c := range []struct {
		flags  []string
		status int
	}{{nil, 0}, {[]string{"--strict"}, 3}} {
		r := draining(t, append(c.flags, "--grace", "50ms")...)
		r.wait()
		r.wantStatus(c.status)
		if s := r.ledger(); s.Complete() || s.Offered != 5000 || s.Sinks[0].Pending == 0 {
			t.Errorf("the ledger is %+v", s)
		}
	}
}
