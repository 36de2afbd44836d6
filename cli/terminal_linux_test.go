package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// openTerminal returns a terminal's two sides (pty(7)): what programs write to tty can
// be read from master.
func openTerminal(t *testing.T, columns, rows uint16) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT TESTED: no terminal is to be had: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	var unlocked, number int32
	size := struct{ rows, columns, width, height uint16 }{rows: rows, columns: columns}
	for request, at := range map[uintptr]unsafe.Pointer{syscall.TIOCSPTLCK: unsafe.Pointer(&unlocked), syscall.TIOCGPTN: unsafe.Pointer(&number), syscall.TIOCSWINSZ: unsafe.Pointer(&size)} {
		control(t, master, request, at)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT TESTED: no terminal is to be had: %v", err)
	}
	t.Cleanup(func() { tty.Close() })
	return master, tty
}

func control(t *testing.T, f *os.File, request uintptr, at unsafe.Pointer) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(at)); errno != 0 {
		t.Fatalf("ioctl %#x: %v", request, errno)
	}
}

func TestTerminalTellsItsSize(t *testing.T) {
	for _, c := range []struct {
		columns, rows uint16
		want          screen
	}{{100, 30, screen{100, 30}}, {0, 0, screen{80, 24}}} {
		_, tty := openTerminal(t, c.columns, c.rows)
		if got := screenOf(tty); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}

func TestProgressIsShownOnATerminalOnlyWhereNothingElseIs(t *testing.T) {
	_, tty := openTerminal(t, 100, 30)
	for name, c := range map[string]struct {
		out, err  io.Writer
		sinks     string
		variables map[string]string
		want      bool
	}{
		"a file":                                {nil, tty, "file:/a", nil, true},
		"a console into a file":                 {nil, tty, "stdout", nil, true},
		"a console on the terminal":             {tty, tty, "stdout", nil, false},
		"a console on standard error":           {nil, tty, "stderr", nil, false},
		"a file, and standard output unused":    {tty, tty, "file:/a", nil, true},
		"standard error is no terminal":         {tty, nil, "file:/a", nil, false},
		"a terminal without a cursor":           {nil, tty, "file:/a", map[string]string{"TERM": "dumb"}, false},
		"nobody wants colours":                  {nil, tty, "file:/a", map[string]string{"NO_COLOR": "1"}, false},
		"a variable that is empty says nothing": {nil, tty, "file:/a", map[string]string{"NO_COLOR": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", "xterm")
			t.Setenv("NO_COLOR", "")
			for name, value := range c.variables {
				t.Setenv(name, value)
			}
			f := newPipeFlags()
			if _, err := f.parse([]string{"--sink", c.sinks}); err != nil {
				t.Fatal(err)
			}
			cfg, err := f.config()
			if err != nil {
				t.Fatal(err)
			}
			if got := newProgress(streams{out: c.out, err: c.err}, cfg) != nil; got != c.want {
				t.Errorf("shown: %v, want %v", got, c.want)
			}
		})
	}
}

// The whole command, with its input open: the block comes, and is gone at the end.
func TestCommandOnATerminalShowsItsProgress(t *testing.T) {
	master, tty := openTerminal(t, 60, 24)
	cmd := childCommand(t, []string{"TERM=xterm", "NO_COLOR="}, "pipe", "--sink", "file:"+t.TempDir()+"/a.log")
	cmd.Stderr = tty
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close() // the end of the command is the end of the terminal
	if _, err := io.WriteString(in, numbered(1234)); err != nil {
		t.Fatal(err)
	}
	shown := new(fakeTerminal)
	r := bufio.NewReader(master)
	for !strings.Contains(shown.String(), "1,234 records") || !strings.Contains(shown.String(), "1,234 delivered") {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("%v; the terminal shows\n%s", err, shown)
		}
		shown.Write([]byte{b})
	}
	in.Close()
	rest, _ := io.ReadAll(r) // EIO is how a terminal ends
	shown.Write(rest)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if text := shown.String(); strings.Contains(text, "delivered\n") || ledger(t, text).Offered != 1234 {
		t.Errorf("at the end the terminal shows\n%s", text)
	}
}

// With --progress=false there is nothing but the ledger.
func TestProgressCanBeTurnedOff(t *testing.T) {
	master, tty := openTerminal(t, 60, 24)
	cmd := childCommand(t, []string{"TERM=xterm", "NO_COLOR="}, "pipe", "--progress=false", "--sink", "file:"+t.TempDir()+"/a.log")
	cmd.Stderr = tty
	cmd.Stdin = strings.NewReader("a line\n")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	text, _ := io.ReadAll(master)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(text), "\x1b") || ledger(t, strings.ReplaceAll(string(text), "\r", "")).Offered != 1 {
		t.Errorf("%q", text)
	}
}
