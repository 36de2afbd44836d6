//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// runScript runs a script with these sinks, and returns the exit status and the ledger.
func runScript(t *testing.T, script string, cfg fapilog.Config, args []string, sinks ...sink.Sink) (int, fapilog.Stats) {
	t.Helper()
	return runProgram(t, []string{"sh", "-c", script}, cfg, args, sinks...)
}

func runProgram(t *testing.T, program []string, cfg fapilog.Config, args []string, sinks ...sink.Sink) (int, fapilog.Stats) {
	t.Helper()
	status, told := runTelling(t, program, cfg, args, sinks...)
	return status, ledger(t, told)
}

// runTold runs a script and returns the exit status and what run says.
func runTold(t *testing.T, script string, sinks ...sink.Sink) (status int, told string) {
	t.Helper()
	return runTelling(t, []string{"sh", "-c", script}, fapilog.Config{}, nil, sinks...)
}

func runTelling(t *testing.T, program []string, cfg fapilog.Config, args []string, sinks ...sink.Sink) (status int, told string) {
	t.Helper()
	for i, s := range sinks {
		cfg.Routes = append(cfg.Routes, fapilog.Route{Name: string(rune('a' + i)), Sink: s})
	}
	cfg.Diagnostics = slog.New(slog.DiscardHandler)
	f := newRunFlags()
	program, _, err := f.parse(append(append(args, "--"), program...))
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	s, err := f.open(forLines(cfg), f.limits(forLines(cfg)), streams{err: &stderr})
	if err != nil {
		t.Fatal(err)
	}
	status = f.runProgram(s, program)
	return status, stderr.String()
}

// streamLines returns the messages of the records of each stream, and of those of
// none.
func streamLines(t *testing.T, records []sink.Record) map[string][]string {
	t.Helper()
	lines := make(map[string][]string)
	for _, r := range records {
		var m struct{ Msg, Stream string }
		if err := json.Unmarshal(r.JSON, &m); err != nil {
			t.Fatalf("%v: %s", err, r.JSON)
		}
		lines[m.Stream] = append(lines[m.Stream], m.Msg)
	}
	return lines
}

func TestRunExitsAsItsProgramDoes(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		program []string
		want    int
	}{
		"success":             {[]string{"true"}, 0},
		"a status":            {[]string{"sh", "-c", "exit 7"}, 7},
		"the usual 2":         {[]string{"sh", "-c", "exit 2"}, 2},
		"the last status":     {[]string{"sh", "-c", "exit 255"}, 255},
		"SIGTERM":             {[]string{"sh", "-c", "kill -TERM $$"}, 143},
		"SIGKILL":             {[]string{"sh", "-c", "kill -KILL $$"}, 137},
		"it is not found":     {[]string{filepath.Join(dir, "nothing")}, 127},
		"it is not in PATH":   {[]string{"fapilog-no-such-program"}, 127},
		"it is no program":    {[]string{plain}, 126},
		"it is a directory":   {[]string{dir}, 126},
		"strict is no matter": {[]string{"sh", "-c", "echo x; exit 9"}, 9},
	} {
		t.Run(name, func(t *testing.T) {
			var args []string
			if strings.HasPrefix(name, "strict") {
				args = []string{"--strict"}
			}
			if status, _ := runProgram(t, c.program, fapilog.Config{}, args, new(sinktest.Memory)); status != c.want {
				t.Errorf("exit status %d, want %d", status, c.want)
			}
		})
	}
}

func TestStrictTurnsSuccessInto3WhenSomethingIsLost(t *testing.T) {
	refusing := func() sink.Sink { return &sinktest.Script{Then: sinktest.Verdict(sink.Rejected, 0)} }
	for name, c := range map[string]struct {
		script string
		sink   sink.Sink
		args   []string
		want   int
	}{
		"nothing is lost":            {"echo x", new(sinktest.Memory), []string{"--strict"}, 0},
		"something is":               {"echo x", refusing(), []string{"--strict"}, exitIncomplete},
		"something is, not strict":   {"echo x", refusing(), nil, 0},
		"the program's goes before":  {"echo x; exit 4", refusing(), []string{"--strict"}, 4},
		"something is left":          {"echo x", &sinktest.Script{Then: sinktest.Verdict(sink.Park, 0)}, []string{"--strict", "--grace=0"}, exitIncomplete},
		"nothing was there to lose":  {"true", refusing(), []string{"--strict"}, 0},
		"a sink that is gone counts": {"echo x", &sinktest.Script{Then: sinktest.Verdict(sink.Gone, 0)}, []string{"--strict"}, exitIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			if status, s := runScript(t, c.script, fapilog.Config{}, c.args, c.sink); status != c.want {
				t.Errorf("exit status %d, want %d; %+v", status, c.want, s)
			}
		})
	}
}

func TestPlainLinesNameTheirStreamAndObjectsStayAsTheyAre(t *testing.T) {
	m := new(sinktest.Memory)
	status, _ := runScript(t, `echo out; echo err >&2; echo '{"msg":"own","n":1}' >&2; printf 'no end'`, fapilog.Config{}, nil, m)
	lines := streamLines(t, m.Records())
	if status != 0 || fmt.Sprint(lines) != fmt.Sprint(map[string][]string{"": {"own"}, "stdout": {"out", "no end"}, "stderr": {"err"}}) {
		t.Errorf("exit status %d, %q", status, lines)
	}
	for _, r := range m.Records() {
		if text := string(r.JSON); strings.Contains(text, "own") && text != `{"msg":"own","n":1}` {
			t.Errorf("the object became %s", text)
		} else if strings.Contains(text, `"out"`) && !strings.HasSuffix(text, `"level":"INFO","msg":"out","stream":"stdout"}`) {
			t.Errorf("the line became %s", text)
		}
	}
}

func TestLinesOfEachStreamAreJoinedByThemselves(t *testing.T) {
	m := new(sinktest.Memory)
	runScript(t, `echo a; echo b >&2; echo ' 1'; echo ' 2' >&2; echo ' 3'`, fapilog.Config{}, []string{"--multiline", `^\S`, "--multiline-timeout=0"}, m)
	lines := streamLines(t, m.Records())
	if fmt.Sprint(lines) != fmt.Sprint(map[string][]string{"stdout": {"a\n 1\n 3"}, "stderr": {"b\n 2"}}) {
		t.Errorf("%q", lines)
	}
}

func TestStandardInputIsTheProgramsAndItsEndToo(t *testing.T) {
	cmd := childCommand(t, []string{"FAPILOG_SINKS=stdout://?format=json"}, "run", "--", "cat")
	cmd.Stdin = strings.NewReader(`{"msg":"a"}` + "\n")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if code, stderr := status(t, cmd); code != 0 || stdout.String() != `{"msg":"a"}`+"\n" {
		t.Errorf("exit status %d, %q; %s", code, stdout.String(), stderr)
	}
}

// asBoth makes the test binary a program that writes so many lines on both streams in
// turn; asSignalled one that says which signals it gets, and ends with SIGTERM.
const (
	asBoth      = "CLI_TEST_AS_BOTH"
	asSignalled = "CLI_TEST_AS_SIGNALLED"
)

func init() {
	roles[asBoth], roles[asSignalled] = writeBoth, saySignals
}

func writeBoth(lines string) int {
	n, _ := strconv.Atoi(lines)
	out, err := bufio.NewWriterSize(os.Stdout, 200), bufio.NewWriterSize(os.Stderr, 300)
	for i := range n {
		fmt.Fprintf(out, "line %d\n", i)
		fmt.Fprintf(err, "line %d\n", i)
	}
	_, _ = out.Flush(), err.Flush()
	return 0
}

func saySignals(string) int {
	c := make(chan os.Signal, 10)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGINT)
	fmt.Println("ready")
	for s := range c {
		fmt.Println(s)
		if s == syscall.SIGTERM {
			break
		}
	}
	return 7
}

// self returns the test binary.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOrderOfEachStreamIsKept(t *testing.T) {
	n := 100_000
	if raced {
		n = 10_000 // each line takes ten times as long
	}
	t.Setenv(asBoth, strconv.Itoa(n))
	m := new(sinktest.Memory)
	status, s := runProgram(t, []string{self(t)}, fapilog.Config{}, []string{"--strict", "--block"}, m)
	lines := streamLines(t, m.Records())
	if status != 0 || s.Offered != 2*uint64(n) || len(lines) != 2 {
		t.Errorf("exit status %d, %d lines offered of %d streams", status, s.Offered, len(lines))
	}
	for _, stream := range []string{"stdout", "stderr"} {
		checkSame(t, stream, lines[stream], lineNames(n))
	}
}

func TestBlockMakesTheProgramWaitForASink(t *testing.T) {
	const n = 10_000 // far more than the journal and the pipes hold
	t.Setenv(asBoth, strconv.Itoa(n))
	slow := &sinktest.Script{Steps: []sinktest.Step{sinktest.Slow(300 * time.Millisecond)}}
	cfg := fapilog.Config{Journal: journal.Config{MaxBytes: 8 << 10}, MaxRecord: 1 << 10}
	cfg.Defaults.OnFull, cfg.Defaults.BlockTimeout = fapilog.Block, fapilog.Forever
	status, s := runProgram(t, []string{self(t)}, cfg, []string{"--strict"}, slow)
	if status != 0 || s.Sinks[0].Delivered != 2*n {
		t.Errorf("exit status %d, %+v", status, s.Sinks[0])
	}
}

func TestProgramDoesNotWaitForASinkWithoutBlock(t *testing.T) {
	const n = 10_000
	t.Setenv(asBoth, strconv.Itoa(n))
	stuck := &sinktest.Script{Then: sinktest.Stuck()}
	defer stuck.Release()
	cfg := fapilog.Config{Journal: journal.Config{MaxBytes: 8 << 10}, MaxRecord: 1 << 10}
	status, s := runProgram(t, []string{self(t)}, cfg, []string{"--grace=0"}, stuck)
	if status != 0 || s.Offered != 2*n || s.Sinks[0].Dropped[fapilog.DroppedOverflow] == 0 {
		t.Errorf("exit status %d, %d lines offered, %+v", status, s.Offered, s.Sinks[0])
	}
}

func TestProgramIsHeardWhenAllSinksAreGone(t *testing.T) {
	// Far more than is read of a pipe after the end of reading: with no reader it ends.
	const script = `head -c 8000000 /dev/zero | tr '\0' x | fold -w 1000 && echo all >&2`
	gone := &sinktest.Script{Then: sinktest.Verdict(sink.Gone, 0)}
	status, s := runScript(t, script, fapilog.Config{}, nil, gone)
	if status != 0 || s.Sinks[0].Dropped[fapilog.DroppedGone] != 8001 {
		t.Errorf("exit status %d, %+v", status, s.Sinks[0])
	}
}

func TestProgramMayCloseAStreamAndGoOnWithTheOther(t *testing.T) {
	m := new(sinktest.Memory)
	status, _ := runScript(t, `echo a; exec >&-; echo b >&2; exit 3`, fapilog.Config{}, nil, m)
	if lines := streamLines(t, m.Records()); status != 3 || fmt.Sprint(lines) != "map[stderr:[b] stdout:[a]]" {
		t.Errorf("exit status %d, %q", status, lines)
	}
}

// fifo makes a named pipe, which is closed for its reader at the test's end at the
// latest.
func fifo(t *testing.T) (name string, open func() *os.File) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, func() *os.File {
		w, err := os.OpenFile(name, os.O_WRONLY, 0) // waits for the reader
		if err != nil {
			t.Error(err)
		}
		return w
	}
}

// closing is a sink that calls a function when it is closed.
type closing struct {
	sinktest.Memory
	closes func()
}

func (c *closing) Close() error {
	c.closes()
	return c.Memory.Close()
}

func TestProgramThatClosesBothStreamsLivesOnAndSoDoTheSinks(t *testing.T) {
	name, open := fifo(t)
	mark := name + "-mark" // made just before the program's end
	t.Setenv("FIFO", name)
	go func() {
		w := open() // when the program has closed its streams and reads
		_ = exec.Command("true").Run()
		w.Close()
	}()
	m := &closing{closes: func() {
		if _, err := os.Stat(mark); err != nil {
			t.Errorf("the sink is closed while the program lives: %v", err)
		}
	}}
	status, _ := runScript(t, `echo a; exec >&- 2>&-; read x <"$FIFO"; : >"$FIFO-mark"; exit 5`, fapilog.Config{}, nil, m)
	if m.Len() != 1 || status != 5 {
		t.Errorf("exit status %d, %d records", status, m.Len())
	}
}

// What the program has left behind holds its streams, and would for ever.
func TestProcessThatHoldsTheStreamsDoesNotKeepRun(t *testing.T) {
	name, open := fifo(t)
	t.Setenv("FIFO", name)
	opened := make(chan *os.File, 1)
	go func() { opened <- open() }()
	m := new(sinktest.Memory)
	began := time.Now()
	status, told := runTold(t, `cat "$FIFO" & echo a; echo b >&2; exit 5`, m)
	for _, stream := range []string{"stdout", "stderr"} {
		if want := "fapilog run: " + stream + " is held by a process that the program has left behind; it is read no more"; !strings.Contains(told, want) {
			t.Errorf("told is %s", told)
		}
	}
	if took := time.Since(began); took < lingering {
		t.Errorf("its output was read for %v, want %v at least", took, lingering)
	}
	if lines := streamLines(t, m.Records()); status != 5 || fmt.Sprint(lines) != "map[stderr:[b] stdout:[a]]" {
		t.Errorf("exit status %d, %q", status, lines)
	}
	(<-opened).Close()
}

func TestSignalsAreTheProgramsAndItsLastWordsArrive(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM} {
		if signal.Ignored(s) {
			t.Skipf("NOT TESTED: the tests were started with %v ignored", s)
		}
	}
	p := &process{cmd: childCommand(t, []string{"FAPILOG_SINKS=stdout://?format=json", asSignalled + "=1"}, "run", "--strict", "--", "program")}
	p.cmd.Args = []string{p.cmd.Path, "run", "--strict", "--", "env", "-u", asCommand, p.cmd.Path}
	p.cmd.Stderr = &p.stderr
	p.begin(t)
	if got := p.hear(t); !strings.Contains(got, `"ready"`) {
		t.Fatalf("%q", got)
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM} {
		p.signal(t, s)
		if got, want := p.hear(t), fmt.Sprintf(`"msg":%q,"stream":"stdout"`, s); !strings.Contains(got, want) {
			t.Errorf("got %q, want %s", got, want)
		}
	}
	if _, err := io.Copy(io.Discard, p.out); err != nil {
		t.Error(err)
	}
	err := p.cmd.Wait()
	if p.cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, want exit status 7; %s", err, p.stderr.String())
	}
	if s := ledger(t, p.stderr.String()); s.Offered != 5 || !s.Complete() {
		t.Errorf("the ledger: %+v", s)
	}
}

func TestMistakeIsStatus2BeforeTheProgramIsStarted(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no program":             {nil, "the command is missing"},
		"no program behind --":   {[]string{"--"}, "the command is missing"},
		"an unknown flag":        {[]string{"--strickt", "--", "touch", "MARK"}, `did you mean "--strict"?`},
		"a flag of pipe":         {[]string{"--drain", "1s", "--", "touch", "MARK"}, `unknown flag "--drain"`},
		"a sink that is none":    {[]string{"--sink", "fil:/x", "touch", "MARK"}, `did you mean "file"?`},
		"a sink that is not had": {[]string{"--sink", "file:/dev/null/a", "touch", "MARK"}, "/dev/null"},
		"a limit of nothing":     {[]string{"--multiline-max=1KiB", "--", "touch", "MARK"}, "without --multiline"},
	} {
		t.Run(name, func(t *testing.T) {
			mark := filepath.Join(t.TempDir(), "mark")
			args := []string{"run"}
			for _, a := range c.args {
				args = append(args, strings.ReplaceAll(a, "MARK", mark))
			}
			r := call(t, nil, args...)
			if r.status != exitUsage || !strings.Contains(r.stderr, c.want) {
				t.Errorf("status %d, want 2 and %q; %s", r.status, c.want, r.stderr)
			}
			if _, err := os.Stat(mark); !errors.Is(err, os.ErrNotExist) {
				t.Error("the program was started")
			}
		})
	}
}

func TestProgramThatCannotBeStartedIsToldBeforeTheLedger(t *testing.T) {
	r := call(t, map[string]string{"FAPILOG_SINKS": "file:" + filepath.ToSlash(t.TempDir()) + "/a"}, "run", "--", "/no/such/program")
	if r.status != 127 || !strings.HasPrefix(r.stderr, `fapilog run: "/no/such/program" cannot be started`) {
		t.Errorf("status %d; %s", r.status, r.stderr)
	}
	if s := ledger(t, r.stderr); s.Offered != 0 {
		t.Errorf("the ledger: %+v", s)
	}
}

func TestURIInTheProgramsPlaceIsToldWithoutItsSecrets(t *testing.T) {
	r := call(t, map[string]string{"FAPILOG_SINKS": "file:" + filepath.ToSlash(t.TempDir()) + "/a"}, "run", "nobody://canaryuser:canarypassword@h?token=canarytoken")
	if r.status != 127 || strings.Contains(r.stderr, "canary") || !strings.Contains(r.stderr, "a sink is given with --sink, before the --") {
		t.Errorf("status %d; %s", r.status, strings.ReplaceAll(r.stderr, "canary", "***"))
	}
}

func TestUsageErrorNamesTheHelpOfItsCommand(t *testing.T) {
	for want, args := range map[string][]string{
		"Run 'fapilog help run' for usage.":             {"run", "--nosuch"},
		"Run 'fapilog help journal inspect' for usage.": {"journal", "inspect", "--nosuch"},
		"Run 'fapilog help' for usage.":                 {"nosuch"},
	} {
		if r := call(t, nil, args...); r.status != exitUsage || !strings.HasSuffix(r.stderr, want+"\n") {
			t.Errorf("%q: status %d; %s", args, r.status, r.stderr)
		}
	}
}
