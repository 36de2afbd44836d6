package cli

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// asCommand makes the test binary the command.
const asCommand = "CLI_TEST_AS_COMMAND"

// asProducer makes the test binary a program that says much when it is
// interrupted.
const asProducer = "CLI_TEST_AS_PRODUCER"

const lastLinesOfProducer = 10_000 // far more than a pipe holds

func produce() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	os.Stdout.WriteString("ready\n")
	<-c
	for _, l := range lineNames(lastLinesOfProducer) { // a write each, to give the reader time to be wrong
		os.Stdout.WriteString(l + "\n")
	}
}

// patient is set for a child that is not to take a slow test for a silent input.
const patient = "CLI_TEST_PATIENT"

// hasty is set for a child that is to take each signal for an asking of its own.
const hasty = "CLI_TEST_HASTY"

// roles are programs that the test binary is where the variable is set, and not the
// command.
var roles = map[string]func(value string) (status int){}

func TestMain(m *testing.M) {
	if os.Getenv(patient) != "" {
		silence = time.Hour
	}
	if os.Getenv(hasty) != "" {
		oneAsking = 0
	}
	if os.Getenv(asProducer) != "" {
		produce()
		return
	}
	if os.Getenv(asCommand) != "" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	for name, play := range roles {
		if value := os.Getenv(name); value != "" {
			os.Exit(play(value))
		}
	}
	os.Exit(m.Run())
}

// childEnv is the environment of a child: without this package's variables but
// for the given ones.
func childEnv(vars ...string) (env []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "FAPILOG_") {
			env = append(env, v)
		}
	}
	env = append(env, asCommand+"=1", "GORACE=atexit_sleep_ms=0") // the race detector's default is a second
	return append(env, vars...)
}

// childCommand returns fapilog as a process of its own.
func childCommand(t *testing.T, vars []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = childEnv(vars...)
	return cmd
}

// shell returns a script in which $FAPILOG is the command.
func shell(t *testing.T, script string, vars ...string) *exec.Cmd {
	t.Helper()
	needUnix(t)
	cmd := childCommand(t, vars)
	cmd.Env = append(cmd.Env, "FAPILOG="+cmd.Path)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = sh, []string{"sh", "-c", script}
	return cmd
}

func needUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs signals, pipes and a shell as Unix has them")
	}
}

// status runs cmd and returns its exit status and what it wrote to standard
// error.
func status(t *testing.T, cmd *exec.Cmd) (code int, stderr string) {
	t.Helper()
	var b bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &b
	}
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	if !cmd.ProcessState.Exited() {
		t.Fatalf("ended by a signal: %v; %s", cmd.ProcessState, b.String())
	}
	return cmd.ProcessState.ExitCode(), b.String()
}

// messages returns the messages of the records in a file or of an output.
func messages(t *testing.T, output []byte) (msgs []string) {
	t.Helper()
	for _, l := range splitSlowly(output, len(output)) {
		msgs = append(msgs, message(t, l.text))
	}
	return msgs
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lineNames returns line 0, line 1, …
func lineNames(n int) []string {
	return strings.Split(strings.TrimSuffix(numbered(n), "\n"), "\n")
}

func TestPipeIntoHeadLetsTheFileFinish(t *testing.T) {
	dir := t.TempDir()
	const n = 10_000 // far more than a pipe holds
	input, output := filepath.Join(dir, "in"), filepath.Join(dir, "out.log")
	if err := os.WriteFile(input, []byte(numbered(n)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := shell(t, `{ "$FAPILOG" pipe <"$IN"; echo $? >"$STATUS"; } | head -1`,
		"IN="+input, "STATUS="+filepath.Join(dir, "status"),
		"FAPILOG_SINKS=stdout://?format=json,file:"+output)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	_, stderr := status(t, cmd)
	if got := messages(t, stdout.Bytes()); len(got) != 1 || got[0] != "line 0" {
		t.Errorf("head has %q", got)
	}
	checkSame(t, "the file", messages(t, readFile(t, output)), lineNames(n))
	if got := string(readFile(t, filepath.Join(dir, "status"))); got != "3\n" {
		t.Errorf("exit status %q, want 3: the console has not everything", got)
	}
	s := ledger(t, stderr)
	if k := s.Sinks[0]; k.Dropped["gone"] == 0 || k.Delivered+k.Dropped["gone"] != n {
		t.Errorf("the console's row: %+v", k)
	}
	if k := s.Sinks[1]; k.Delivered != n {
		t.Errorf("the file's row: %+v", k)
	}
}

func TestEndlessInputEndsWithTheOnlyReader(t *testing.T) {
	cmd := shell(t, `yes | "$FAPILOG" pipe | head -1`, "FAPILOG_SINKS=stdout://?format=json")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if code, stderr := status(t, cmd); code != 0 || strings.Count(stdout.String(), "\n") != 1 {
		t.Errorf("status %d of head, output %q; %s", code, stdout.String(), stderr)
	}
}

func TestClosedOutputsAreNotTheEndOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"closed pipes":       `{ { "$FAPILOG" pipe <"$IN" 2>&3; echo $? >"$STATUS"; } 3>&1 | true; }`,
		"closed descriptors": `"$FAPILOG" pipe <"$IN" >&- 2>&-; echo $? >"$STATUS"`,
	} {
		t.Run(name, func(t *testing.T) {
			const n = 1000
			in, out, code := filepath.Join(dir, "in"), filepath.Join(dir, name), filepath.Join(dir, "status")
			if err := os.WriteFile(in, []byte(numbered(n)), 0o600); err != nil {
				t.Fatal(err)
			}
			status(t, shell(t, script, "IN="+in, "STATUS="+code, "FAPILOG_SINKS=file:"+out))
			checkSame(t, "the file", messages(t, readFile(t, out)), lineNames(n))
			if got := string(readFile(t, code)); got != "0\n" {
				t.Errorf("exit status %q, want 0: every sink has everything", got)
			}
		})
	}
}

// process is a command under way: a pipe with its input open, or a run.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func startChild(t *testing.T, vars []string, args ...string) *process {
	t.Helper()
	needUnix(t)
	c := &process{cmd: childCommand(t, vars, append([]string{"pipe"}, args...)...)}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in = in
	c.begin(t)
	return c
}

// begin starts the command and listens to its outputs.
func (c *process) begin(t *testing.T) {
	t.Helper()
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// say writes to the child's input.
func (c *process) say(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(c.in, text); err != nil {
		t.Fatal(err)
	}
}

// hear waits for a record on the child's output and returns its message.
func (c *process) hear(t *testing.T) string {
	t.Helper()
	l, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%v; %s", err, c.stderr.String())
	}
	return message(t, strings.TrimSuffix(l, "\n"))
}

// signal sends s to the child, which has shown that it is under way.
func (c *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if signal.Ignored(s) {
		t.Skipf("NOT TESTED: the tests were started with %v ignored", s)
	}
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end waits for the child's end and returns its status and ledger.
func (c *process) end(t *testing.T) (int, fapilog.Stats) {
	t.Helper()
	_ = c.cmd.Wait() // the status says it
	if !c.cmd.ProcessState.Exited() {
		t.Fatalf("ended by a signal: %v; %s", c.cmd.ProcessState, c.stderr.String())
	}
	return c.cmd.ProcessState.ExitCode(), ledger(t, c.stderr.String())
}

func TestLineReachesTheConsoleWhileTheInputStaysOpen(t *testing.T) {
	c := startChild(t, []string{"FAPILOG_SINKS=stdout://?format=json"})
	for _, text := range []string{"first", "second", "third"} {
		c.say(t, text+"\n")
		if got := c.hear(t); got != text {
			t.Errorf("said %q, heard %q", text, got)
		}
	}
	c.in.Close()
	if code, s := c.end(t); code != 0 || s.Offered != 3 {
		t.Errorf("exit status %d, %d lines", code, s.Offered)
	}
}

func TestProcessEndsWellOnASignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			c := startChild(t, []string{"FAPILOG_SINKS=stdout://?format=json", patient + "=1"}, "--grace", "1h")
			c.say(t, "first\n")
			c.hear(t)
			c.signal(t, sig)
			c.say(t, "second\n")
			if got := c.hear(t); got != "second" {
				t.Errorf("heard %q, want what was said after the signal", got)
			}
			c.in.Close()
			if code, s := c.end(t); code != 0 || s.Offered != 2 || s.Sinks[0].Delivered != 2 {
				t.Errorf("exit status %d, ledger %+v", code, s)
			}
		})
	}
}

// A reader that does not read leaves the process draining for an hour; the first
// signal leaves it another.
func TestProcessEndsAtOnceOnTheSecondSignal(t *testing.T) {
	c := startChild(t, []string{"FAPILOG_SINKS=stdout://?format=json&breaker=false", hasty + "=1"}, "--drain", "1h", "--grace", "1h")
	c.say(t, "first\n")
	c.hear(t)
	c.say(t, numbered(30_000)) // far more than is in the pipe and read ahead: many have been offered
	c.in.Close()
	c.signal(t, syscall.SIGTERM)
	c.signal(t, syscall.SIGINT)
	if code, s := c.end(t); code != 3 || s.Sinks[0].Pending+s.Closed == 0 {
		t.Errorf("exit status %d, ledger %+v", code, s)
	}
}
