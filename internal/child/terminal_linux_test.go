package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

func init() { programs["shell"] = jobControl }

// terminal is a pseudo-terminal. What is written to it has been typed.
type terminal struct{ keyboard, line *os.File }

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("SKIPPED: there are no pseudo-terminals; the terminal's signals are not tested here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	var unlocked, number int32
	for request, at := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if err := ioctl(keyboard, request, at); err != nil {
			t.Fatal(err)
		}
	}
	line, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = line.Close() })
	return &terminal{keyboard, line}
}

func ioctl(f *os.File, request uintptr, at *int32) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	if err := conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(at)))
	}); err != nil {
		return err
	}
	if errno != 0 {
		return errno
	}
	return nil
}

func (term *terminal) press(t *testing.T, key string) {
	t.Helper()
	if _, err := io.WriteString(term.keyboard, key); err != nil {
		t.Fatal(err)
	}
}

const (
	ctrlC         = "\x03"
	ctrlBackslash = "\x1c"
	ctrlZ         = "\x1a"
)

// session starts a program that leads a session with the terminal, which it has as
// its standard error. What it writes to standard output is returned line by line.
func (term *terminal) session(t *testing.T, args ...string) (out func() string, in io.WriteCloser, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stderr = term.line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(pipe)
	return func() string {
		t.Helper()
		line, err := r.ReadString('\n')
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return strings.TrimSuffix(line, "\n")
	}, in, cmd
}

// jobControl runs a program as a shell does: as a job in the terminal's foreground. It
// says what the id of the job is and that it has stopped, and continues it then.
func jobControl(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err := cmd.Start()
	if err == nil {
		group := int32(cmd.Process.Pid)
		err = ioctl(os.Stderr, syscall.TIOCSPGRP, &group)
	}
	if err != nil {
		fmt.Println(err)
		return 90
	}
	fmt.Println("job", cmd.Process.Pid)
	for {
		var w syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &w, syscall.WUNTRACED, nil); err == syscall.EINTR {
			continue
		} else if err != nil {
			fmt.Println(err)
			return 91
		}
		if !w.Stopped() {
			return w.ExitStatus()
		}
		fmt.Println("stopped")
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT); err != nil {
			fmt.Println(err)
			return 92
		}
	}
}

// job starts a job in the terminal's foreground and returns its id too.
func (term *terminal) job(t *testing.T, args ...string) (hear func() string, in io.WriteCloser, pid int, cmd *exec.Cmd) {
	t.Helper()
	hear, in, cmd = term.session(t, append(self("shell"), args...)...)
	for range 2 { // the shell and the program speak when they like
		if line := hear(); line != "ignored:" {
			if _, err := fmt.Sscanf(line, "job %d", &pid); err != nil {
				t.Fatalf("%q", line)
			}
		}
	}
	return hear, in, pid, cmd
}

// The program is in the foreground as well, and has the signal already: the one that
// is forwarded after it shows that no second one was on its way.
func TestProgramInTheForegroundHasTheTerminalsSignalsOnce(t *testing.T) {
	term := openTerminal(t)
	hear, in, pid, cmd := term.job(t, append(self("supervisor"), self("reporter")...)...)
	for key, number := range map[string]string{ctrlC: "2", ctrlBackslash: "3"} {
		term.press(t, key)
		if got := hear(); got != number {
			t.Errorf("pressed %q, the program has %q", key, got)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if got := hear(); got != "15" {
			t.Errorf("sent 15, the program has %q", got)
		}
	}
	_ = in.Close()
	if got := hear(); got != "" {
		t.Errorf("the program has %q as well", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestCtrlZStopsTheSupervisorWithItsProgram(t *testing.T) {
	term := openTerminal(t)
	hear, in, _, cmd := term.job(t, append(self("supervisor"), "sh", "-c", "trap 'echo continued' CONT; echo ignored:; cat; cat <&0; exit 3")...)
	term.press(t, ctrlZ)
	if got := hear(); got != "stopped" {
		t.Errorf("heard %q, want that the job has stopped", got)
	}
	_ = in.Close()
	if got := hear(); got != "continued" {
		t.Errorf("heard %q, want that the program goes on", got)
	}
	for hear() != "" { // the supervisor forwards SIGCONT too: it can come twice
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("it ended with %v, want 3", cmd.ProcessState)
	}
}

// There is no shell that could have put it in the foreground: a signal may well be
// from docker stop.
func TestLeaderOfASessionForwardsWhatItIsSent(t *testing.T) {
	term := openTerminal(t)
	hear, in, cmd := term.session(t, append(self("supervisor"), self("reporter")...)...)
	if got := hear(); got != "ignored:" {
		t.Fatal(got)
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGTSTP} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if got := hear(); got != fmt.Sprint(int(sig)) {
			t.Errorf("sent %v, the program has %q", sig, got)
		}
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
