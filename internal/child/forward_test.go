//go:build unix

package child

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// report says which signals it gets until its standard input ends. The first line
// lists those that it was started to ignore.
func report([]string) int {
	c := make(chan os.Signal, pending)
	ignored := "ignored:"
	for _, s := range append(forwarded(), syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGXCPU, syscall.SIGXFSZ) {
		if signal.Ignored(s) {
			ignored += fmt.Sprintf(" %d", s)
			continue
		}
		signal.Notify(c, s)
	}
	fmt.Println(ignored)
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	for {
		select {
		case s := <-c:
			fmt.Printf("%d\n", s)
		case <-ended:
			return 0
		}
	}
}

func TestDocumentationNamesTheSignalsThatAreNotForwarded(t *testing.T) {
	names := map[os.Signal]string{
		syscall.SIGCHLD: "CHLD", syscall.SIGPIPE: "PIPE", syscall.SIGURG: "URG", syscall.SIGXCPU: "XCPU",
		syscall.SIGXFSZ: "XFSZ", syscall.SIGTTIN: "TTIN", syscall.SIGTTOU: "TTOU",
	}
	var want []string
	for _, s := range own {
		want = append(want, names[s])
	}
	slices.Sort(want)
	for file, text := range map[string]*regexp.Regexp{
		"docs/command.md": regexp.MustCompile(`go to the program, but (.*) \| \| \|`),
		"cli/run.go":      regexp.MustCompile(`(?s)are passed on to it \(but for (.*), and what the\s+terminal`),
	} {
		page, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		list := text.FindSubmatch(page)
		if list == nil {
			t.Fatalf("%s does not list them", file)
		}
		got := regexp.MustCompile(`[A-Z]+`).FindAllString(strings.ReplaceAll(string(list[1]), "SIG", ""), -1)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s names %q, want %q", file, got, want)
		}
	}
}

// supervise runs a program as the command does, and returns its status. What Forward
// tells goes to standard error.
func supervise(args []string) int {
	prepare()
	c, err := Start(args)
	var e *StartError
	if errors.As(err, &e) {
		fmt.Fprintln(os.Stderr, err)
		return e.Status
	}
	told := c.Forward(make(chan struct{}))
	go func() {
		for s := range told {
			fmt.Fprintf(os.Stderr, "told %d\n", s)
		}
	}()
	var copying sync.WaitGroup
	copying.Go(func() { _, _ = io.Copy(os.Stdout, c.Stdout) })
	copying.Go(func() { _, _ = io.Copy(os.Stderr, c.Stderr) })
	status := c.Wait()
	copying.Wait()
	return finish(c, status)
}

// supervised is a reporter under a supervisor.
type supervised struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// startSupervised starts a supervisor, which command may wrap, with a program.
func startSupervised(t *testing.T, wrapper []string, program ...string) *supervised {
	t.Helper()
	args := slices.Concat(wrapper, self("supervisor"), program)
	s := &supervised{t: t, cmd: exec.CommandContext(t.Context(), args[0], args[1:]...)}
	s.cmd.Stderr = &s.stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// hear returns the next line of the program.
func (s *supervised) hear() string {
	s.t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%v after %q; %s", err, line, s.stderr.String())
	}
	return strings.TrimSuffix(line, "\n")
}

func (s *supervised) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// end ends the program's input and returns the rest of what it says.
func (s *supervised) end() string {
	s.t.Helper()
	_ = s.in.Close()
	rest, err := io.ReadAll(s.out)
	if err != nil {
		s.t.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the supervisor ended with %v; %s", err, s.stderr.String())
	}
	return string(rest)
}

// cannotBeCaught says which signal of those that are forwarded Go does not catch.
func cannotBeCaught(s os.Signal) bool { return s.String() == "stack fault" }

func TestEverySignalArrivesOnce(t *testing.T) {
	s := startSupervised(t, nil, self("reporter")...)
	ignored := strings.Fields(s.hear())
	for _, sig := range forwarded() {
		number := strconv.Itoa(int(sig.(syscall.Signal)))
		if cannotBeCaught(sig) || slices.Contains(ignored, number) {
			t.Logf("NOT TESTED: signal %s", number)
			continue
		}
		s.signal(sig.(syscall.Signal))
		if got := s.hear(); got != number {
			t.Errorf("sent %s, the program has %s", number, got)
		}
	}
	if rest := s.end(); rest != "" {
		t.Errorf("the program has signals nobody sent: %q", rest)
	}
	if got, want := strings.Fields(s.stderr.String()), "told 1 told 2 told 3 told 15"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSignalsAboutThisProcessAreNotForwarded(t *testing.T) {
	for _, sig := range own {
		if slices.Contains(forwarded(), sig) {
			t.Errorf("%v is forwarded", sig)
		}
	}
	s := startSupervised(t, nil, self("reporter")...)
	s.hear()
	for _, sig := range []syscall.Signal{syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG, syscall.SIGXCPU, syscall.SIGXFSZ} {
		s.signal(sig)
	}
	s.signal(syscall.SIGUSR1)
	if got := s.hear(); got != strconv.Itoa(int(syscall.SIGUSR1)) {
		t.Errorf("the program has %s", got)
	}
	if rest := s.end(); rest != "" {
		t.Errorf("and %q", rest)
	}
}

func TestSignalBetweenStartAndForwardIsNotLost(t *testing.T) {
	c := begin(t, "sh", "-c", "trap 'kill $!; echo usr1; exit 4' USR1; echo ready; sleep 1000 & while :; do wait $!; done")
	out := bufio.NewReader(c.Stdout)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	c.Forward(stop)
	if line, err := out.ReadString('\n'); line != "usr1\n" {
		t.Fatal(line, err)
	}
	if got := c.Wait(); got != 4 {
		t.Errorf("status %d, want 4", got)
	}
}

func TestIgnoredSignalStaysIgnored(t *testing.T) {
	s := startSupervised(t, []string{"/bin/sh", "-c", `trap "" HUP INT; exec "$0" "$@"`}, self("reporter")...)
	if got := s.hear(); got != "ignored: 1 2" {
		t.Errorf("the program says %q", got)
	}
	s.signal(syscall.SIGHUP)
	s.signal(syscall.SIGINT)
	s.signal(syscall.SIGUSR2)
	if got := s.hear(); got != strconv.Itoa(int(syscall.SIGUSR2)) {
		t.Errorf("the program has %s", got)
	}
	if rest := s.end(); rest != "" || s.stderr.Len() > 0 {
		t.Errorf("and %q; %q", rest, s.stderr.String())
	}
}

// With SIGQUIT Go ends a process, and says where each goroutine is.
func TestSignalAfterTheEndIsTold(t *testing.T) {
	c := script(t, "exit 3")
	c.Wait()
	stop := make(chan struct{})
	defer close(stop)
	told := c.Forward(stop)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGQUIT} {
		if err := syscall.Kill(syscall.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		if got := <-told; got != sig {
			t.Errorf("sent %v, told %v", sig, got)
		}
	}
}

func TestSignalsThatNobodyHearsOfDoNotHoldUpTheOthers(t *testing.T) {
	s := startSupervised(t, nil, self("reporter")...)
	s.hear()
	for range 3 * told {
		s.signal(syscall.SIGTERM)
		s.hear()
	}
	if rest := s.end(); rest != "" {
		t.Errorf("the program has signals nobody sent: %q", rest)
	}
}
