package child

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asFirst returns a supervisor that is process 1, for a shell script.
func asFirst(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: a PID namespace needs root; what process 1 does is not tested here")
	}
	args := append(self("supervisor"), "sh", "-c", script)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	return cmd
}

// first runs it, and returns its status, and what it wrote.
func first(t *testing.T, script string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := asFirst(t, script)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Skipf("SKIPPED: there are no PID namespaces here: %v", err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestFirstProcessHasTheStatusOfItsProgramAlone(t *testing.T) {
	for script, want := range map[string]int{
		"exit 7":        7,
		"kill -TERM $$": 143,
		"(sh -c 'exit 9' &); (sh -c 'kill -KILL $$' &); exit 8": 8,
	} {
		if got, _, stderr := first(t, script); got != want {
			t.Errorf("%s: status %d, want %d; %s", script, got, want, stderr)
		}
	}
}

func TestOrphansOfTheFirstProcessAreCollectedAfterTheProgramsEnd(t *testing.T) {
	const script = `i=0; while [ $i -lt 100 ]; do (sleep 0.1 &) ; i=$((i+1)); done >/dev/null 2>&1; exit 5`
	status, _, stderr := first(t, script)
	if want := "processes: [\"1\"], zombies: 0\n"; status != 5 || stderr != want {
		t.Errorf("status %d, %q; want 5, %q", status, stderr, want)
	}
}

const orphans = 100

func init() { programs["mother"] = mother }

// mother is a program that leaves orphans behind, ends them, and then waits until
// nothing of them is left: only its process 1 can see to that.
func mother([]string) int {
	hold, let, err := os.Pipe()
	if err != nil {
		return 90
	}
	var pids []int
	for range orphans {
		c := exec.Command("sh", "-c", "cat <&3 >/dev/null 2>&1 & echo $!") // the shell ends, cat does not
		c.ExtraFiles = []*os.File{hold}
		out, err := c.Output()
		pid, malformed := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil || malformed != nil {
			fmt.Println(err, malformed)
			return 91
		}
		pids = append(pids, pid)
	}
	parents := make(map[string]int)
	for _, pid := range pids {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(stat), ") ")
		parents[strings.Fields(after + " - -")[1]]++
	}
	fmt.Println("parents:", parents)
	_, _ = hold.Close(), let.Close() // they end
	for _, pid := range pids {
		for syscall.Kill(pid, 0) == nil { // a zombie can be signalled; nothing tells that it has gone
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Println("zombies:", zombies())
	return 4
}

func TestOrphansOfTheFirstProcessAreCollectedWhileTheProgramLives(t *testing.T) {
	status, stdout, stderr := first(t, "exec "+strings.Join(self("mother"), " "))
	if want := "parents: map[1:100]\nzombies: 0\n"; status != 4 || stdout != want {
		t.Errorf("status %d, %q; want 4, %q; %s", status, stdout, want, stderr)
	}
}

func TestOtherThanTheFirstProcessWaitsForItsProgramAlone(t *testing.T) {
	if adopts() {
		t.Skip("SKIPPED: this is process 1")
	}
	c := script(t, "sleep 1000 & echo $!")
	line, err := bufio.NewReader(c.Stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	c.Wait()
	<-c.reaped
}
