//go:build unix

package proof

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// programVariable makes the test binary a program that writes lines: how many, and the
// seed of the rest.
const programVariable = "PROOF_PROGRAM"

func init() {
	if text, ok := os.LookupEnv(programVariable); ok {
		os.Exit(speak(text))
	}
}

// speak writes numbered lines to standard output and standard error, some of either
// after the other and each line with a system call: most are short, some fill a pipe.
func speak(text string) int {
	var n int
	var seed uint64
	if _, err := fmt.Sscanf(text, "%d %d", &n, &seed); err != nil {
		return 90
	}
	r := rand.New(rand.NewPCG(seed, 0))
	stuff := strings.Repeat("stuff ", 20<<10)
	var next [2]int
	var b []byte
	for left := n; left > 0; {
		stream := r.IntN(2)
		for range min(left, 1+r.IntN(50)) {
			length := r.IntN(100)
			if r.IntN(5000) == 0 {
				length = r.IntN(len(stuff))
			}
			b = strconv.AppendInt(b[:0], int64(next[stream]), 10)
			b = append(append(append(b, ' '), stuff[:length]...), '\n')
			if err := writeAll(1+stream, b); err != nil {
				return 92
			}
			next[stream]++
			left--
		}
	}
	return 0
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := syscall.Write(fd, b)
		if err != nil && err != syscall.EINTR {
			return err
		}
		b = b[max(0, n):]
	}
	return nil
}

// numbers checks that the lines of each stream are those of 0 to one less than how many
// there are, in order, and returns how many.
func numbers(t *testing.T, path string) (count map[string]int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	count = make(map[string]int)
	faults := 0
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		text, err := in.ReadBytes('\n')
		if len(text) == 0 {
			return count
		}
		var l line
		if err != nil || json.Unmarshal(text, &l) != nil {
			t.Fatalf("%q is no record", text)
		}
		number, _, _ := strings.Cut(l.Msg, " ")
		if want := count[l.Stream]; number != strconv.Itoa(want) {
			if faults++; faults > 10 {
				t.FailNow()
			}
			t.Errorf("%s has %s, want %d", l.Stream, number, want)
		}
		count[l.Stream]++
	}
}

func TestBothStreamsArriveWholeAndInOrder(t *testing.T) {
	n := scaled(1_000_000)
	out := filepath.Join(t.TempDir(), "out")
	r := newRun(t, []string{fmt.Sprintf("%s=%d %d", programVariable, n, random(t).Uint64())}, "--block", "--strict", "--sink", "file:"+out, "--", os.Args[0])
	r.toEnd()
	r.wantStatus(0)
	if s := r.ledger(); s.Offered != uint64(n) || !s.Complete() {
		t.Errorf("of %d lines the ledger has %+v", n, s)
	}
	count := numbers(t, out)
	if len(count) != 2 || count["stdout"]+count["stderr"] != n {
		t.Errorf("of %d lines there are %v", n, count)
	}
	t.Log(count)
}

// killed is a program that writes numbered lines, and kills the process that runs it
// when it has written some of them.
const killed = `i=0; while [ $i -lt "$0" ]; do echo "$i of those that a kill may cut off"; i=$((i+1)); done; kill -9 $PPID`

// What run has read when it is killed arrives by the next run. What it has not is in
// the pipe, or in its hands: no more than a pipe and two buffers of the same size hold.
func TestKilledRunLeavesNoLineBehindThatItHasRead(t *testing.T) {
	const inHands = 4 * 64 << 10
	random := random(t)
	for range scaled(200) {
		dir := t.TempDir()
		out := filepath.Join(dir, "out")
		vars := []string{"FAPILOG_JOURNAL=" + filepath.Join(dir, "journal")}
		sinks := []string{"--sink", "stdout://?format=json&breaker=false", "--sink", "file:" + out, "--"}
		n := 1 + random.IntN(40_000)
		reader, full, err := os.Pipe() // it is not read until the kill
		if err != nil {
			t.Fatal(err)
		}
		first := newRun(t, vars, append(sinks, "sh", "-c", killed, strconv.Itoa(n))...)
		first.cmd.Stdout = full
		first.start()
		_ = full.Close()
		if status := first.wait(); status.Signal() != syscall.SIGKILL {
			t.Fatalf("it ended with %v, not by its program\n%s", first.cmd.ProcessState, first.stderr.String())
		}
		var heard bytes.Buffer
		_, _ = heard.ReadFrom(reader)
		_ = reader.Close()
		file, _ := os.ReadFile(out) // the kill may have come before it is there

		second := newRun(t, vars, append(sinks, "true")...)
		second.toEnd()
		second.wantStatus(0)
		accepted := len(linesOf(t, file))
		console := checkPrefix(t, "the console", heard.Bytes(), second.stdout.Bytes())
		whole, err := os.ReadFile(out)
		if err != nil && n > 0 {
			t.Logf("no file: %v", err)
		}
		both := checkPrefix(t, "the file", whole)
		if console != both || both < accepted {
			t.Errorf("the console has %d lines, the file %d, and %d when it was killed", console, both, accepted)
		}
		if lost := (n - both) * len("10000 of those that a kill may cut off\n"); lost > inHands {
			t.Errorf("%d of %d lines are lost, more than a pipe holds", n-both, n)
		}
	}
}

// checkPrefix checks that outputs, one after the other, have the first lines of killed,
// each at least once and for the first time in order, and returns how many.
func checkPrefix(t *testing.T, name string, outputs ...[]byte) (next int) {
	t.Helper()
	doubled := 0
	for _, output := range outputs {
		for _, l := range linesOf(t, output) {
			number, _, _ := strings.Cut(l.Msg, " ")
			got, err := strconv.Atoi(number)
			switch {
			case err != nil || got > next:
				t.Fatalf("%s has line %q after %d others: some are missing", name, l.Msg, next)
			case got < next:
				doubled++
			default:
				next++
			}
		}
	}
	const batch = 1000 // that was under way
	if doubled > batch {
		t.Errorf("%s has %d lines twice, more than a batch", name, doubled)
	}
	return next
}
