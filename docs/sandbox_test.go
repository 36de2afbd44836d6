package docs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/cli"
	"github.com/fapilog/fapilog/sink"
)

// The programs that the pages run besides what every system has. Each is the test
// binary under that name.
var programs = map[string]func(args []string) int{
	"fapilog":      func(args []string) int { return cli.Main(args, os.Stdin, os.Stdout, os.Stderr) },
	"app":          someProgram,
	"some-program": someProgram,
	"go-app":       goProgram,
}

func TestMain(m *testing.M) {
	if program, ok := programs[filepath.Base(os.Args[0])]; ok {
		os.Exit(program(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// someProgram is a program that knows nothing of fapilog. With an argument it runs
// until it is told to end, and says so.
func someProgram(args []string) int {
	fmt.Println("listening on :8080")
	fmt.Println(`{"level":"warn","msg":"disk 90% full","api_key":"k-1"}`)
	fmt.Fprintln(os.Stderr, "cache is cold")
	if len(args) > 0 {
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
		fmt.Println("ready")
		<-ended
		fmt.Println("bye")
	}
	return 0
}

// goProgram is a program that logs through package fapilog, as its environment
// says, and has a sink called audit that refuses one record.
func goProgram([]string) int {
	cfg, err := fapilog.ConfigFromEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if cfg.Journal.Dir != "" {
		cfg.Routes = append(cfg.Routes, fapilog.Route{Name: "audit", Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
			for _, r := range batch {
				if strings.Contains(string(r.JSON), "poison") {
					return &sink.Error{Verdict: sink.Rejected, Err: errors.New("400 Bad Request")}
				}
			}
			return nil
		})})
	}
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	p.Logger().Info("listening", "addr", ":8080")
	p.Logger().Info("poison")
	if err := p.Close(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 0
}

// sandbox is where the blocks of one page run, one after the other.
type sandbox struct {
	dir  string // stands for /
	work string // the working directory
	env  []string
	port string // stands for port 9090
}

// newSandbox skips the test where the pages' commands cannot run.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("NOT CHECKED: there is no bash to run the pages' commands")
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("NOT CHECKED: the pages' commands want /dev/full")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{dir: dir, work: filepath.Join(dir, "work"), port: freePort(t)}
	for _, made := range []string{"bin", "work", "tmp", "usr/local/bin", "var/log", "var/lib/app"} {
		if err := os.MkdirAll(filepath.Join(dir, made), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range programs {
		for _, at := range []string{"bin", "usr/local/bin"} {
			if err := os.Symlink(self, filepath.Join(dir, at, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// ./app is a program of Go that uses the package.
	script := "#!/bin/sh\nexec go-app \"$@\"\n"
	if err := os.WriteFile(filepath.Join(s.work, "app"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.work, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "FAPILOG_") && !strings.HasPrefix(variable, "PATH=") {
			s.env = append(s.env, variable)
		}
	}
	s.env = append(s.env, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "HOME="+dir, "TMPDIR="+filepath.Join(dir, "tmp"),
		"GORACE=atexit_sleep_ms=0") // in a test with -race each program would take a second to end
	return s
}

// The files that the pages read and do not write.
var files = map[string]string{
	"some.log": "one\ntwo\n{\"msg\":\"three\",\"token\":\"t-1\"}\n",
	"trace.log": "2026-11-22 08:00:00 request failed\n" +
		"Traceback (most recent call last):\n" +
		"  File \"app.py\", line 3, in handle\n" +
		"ValueError: no such order\n" +
		"2026-11-22 08:00:01 request done\n",
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// absolute are the paths of a block that would be the system's: they are below the
// sandbox. Those of devices, such as /dev/full, are not.
var absolute = regexp.MustCompile(`(^|[^\w.})-])/(var|tmp|data|usr/local|srv)/`)

// mapped is a script as it is run.
func (s *sandbox) mapped(script string) string {
	script = absolute.ReplaceAllString(script, "${1}"+s.dir+"/${2}/")
	script = strings.ReplaceAll(script, "go run ./cmd/fapilog", "fapilog")
	return strings.ReplaceAll(script, "9090", s.port)
}

// unmapped is output as the page shows it.
func (s *sandbox) unmapped(output string) string {
	return strings.ReplaceAll(strings.ReplaceAll(output, s.dir, ""), s.port, "9090")
}

// run runs a script with bash -e and returns what it prints on both streams. What
// it leaves running is killed.
func (s *sandbox) run(script string) (output string, err error) {
	// Against a script that hangs; it decides nothing else.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-e", "-c", s.mapped(script))
	cmd.Dir, cmd.Env = s.work, s.env
	out, err := os.CreateTemp(s.dir, "output")
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out // a file: nobody waits for what is left running
	ownGroup(cmd)
	err = cmd.Run()
	killGroup(cmd)
	if _, seekErr := out.Seek(0, io.SeekStart); seekErr != nil {
		return "", seekErr
	}
	text, readErr := io.ReadAll(out)
	if readErr != nil {
		return "", readErr
	}
	return s.unmapped(string(text)), err
}

func TestASandboxKeepsOutOfTheSystem(t *testing.T) {
	s := &sandbox{dir: "/box", port: "1234"}
	for script, want := range map[string]string{
		"ls /var/log/app":                       "ls /box/var/log/app",
		"FAPILOG_SINKS=file:///var/log/a.jsonl": "FAPILOG_SINKS=file:///box/var/log/a.jsonl",
		"x='/tmp/a',/data/b":                    "x='/box/tmp/a',/box/data/b",
		"ls sub/var/log $dir/tmp/x ./var/log":   "ls sub/var/log $dir/tmp/x ./var/log",
		"echo > /dev/full":                      "echo > /dev/full",
		"--admin 9090":                          "--admin 1234",
	} {
		if got := s.mapped(script); got != want {
			t.Errorf("%s becomes %s, want %s", script, got, want)
		}
	}
	if got := s.unmapped("/box/var/log at 1234"); got != "/var/log at 9090" {
		t.Errorf("the page would show %s", got)
	}
}

// The test of the blocks can fail.
func TestABlockThatFailsIsFound(t *testing.T) {
	s := newSandbox(t)
	output, err := s.run("echo one\nfalse\necho two\n")
	if err == nil || output != "one\n" {
		t.Errorf("%v, %q", err, output)
	}
	if output, err = s.run("sleep 1000 & echo started\n"); err != nil || output != "started\n" {
		t.Errorf("what is left running: %v, %q", err, output)
	}
}
