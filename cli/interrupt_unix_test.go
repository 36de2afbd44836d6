//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"io"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A Ctrl-C goes to every process of a pipeline.
func TestWhatAProgramSaysOnCtrlCArrives(t *testing.T) {
	if signal.Ignored(syscall.SIGINT) {
		t.Skip("NOT TESTED: the tests were started with SIGINT ignored")
	}
	code := filepath.Join(t.TempDir(), "status")
	cmd := shell(t, asProducer+`=1 "$FAPILOG" | { trap : INT; "$FAPILOG" pipe --grace 1h; echo $? >"$STATUS"; }`,
		"STATUS="+code, patient+"=1", "FAPILOG_SINKS=stdout://?format=json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	first, err := out.ReadString('\n')
	if err != nil || message(t, strings.TrimSuffix(first, "\n")) != "ready" {
		t.Fatalf("%q, %v; %s", first, err, stderr.String())
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the shell's status is that of the signal; the other one counts
	checkSame(t, "standard output", messages(t, rest), lineNames(lastLinesOfProducer))
	if got := string(readFile(t, code)); got != "0\n" {
		t.Errorf("exit status %q, want 0; %s", got, stderr.String())
	}
	if s := ledger(t, stderr.String()); s.Offered != lastLinesOfProducer+1 || !s.Complete() {
		t.Errorf("the ledger: %+v", s)
	}
}
