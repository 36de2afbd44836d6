//go:build crashpoints && unix

package crash

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestProcessDiesAtTheThirdPassOfItsPoint(t *testing.T) {
	if at != "" {
		Point("append.reserved")
		for range 3 {
			os.Stdout.WriteString("-")
			Point("append.filled")
		}
		t.Fatal("it lives")
	}
	mark := filepath.Join(t.TempDir(), "mark")
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), EnvAt+"=append.filled", EnvAfter+"=3", EnvMark+"="+mark)
	out, err := c.Output()

	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v, want SIGKILL", err)
	}
	if string(out) != "---" {
		t.Errorf("it passed %q, want ---", out)
	}
	if got, _ := os.ReadFile(mark); string(got) != "append.filled" {
		t.Errorf("its mark says %q", got)
	}
}
