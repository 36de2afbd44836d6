package child

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"unsafe"
)

func TestProgramStartsWithDefaultDispositions(t *testing.T) {
	mask := func(status, name string) string {
		return regexp.MustCompile(`(?m)^` + name + `:.*$`).FindString(status)
	}
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	got := all(t, begin(t, "cat", "/proc/self/status").Stdout)
	if ignored, want := mask(got, "SigIgn"), mask(string(own), "SigIgn"); ignored == "" || ignored != want {
		t.Errorf("the program ignores %q, want what this process was given, %q", ignored, want)
	}
	if blocked, want := mask(got, "SigBlk"), "SigBlk:\t0000000000000000"; blocked != want {
		t.Errorf("the program blocks %q, want %q", blocked, want)
	}
}

// descriptors returns what the descriptors of a process are open on, by number.
func descriptors(t *testing.T, pid string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("/proc/" + pid + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	open := make(map[string]string)
	for _, path := range paths {
		if to, err := os.Readlink(path); err == nil { // not the one that was for the directory
			open[filepath.Base(path)] = to
		}
	}
	return open
}

func TestProgramHasNoDescriptorsButItsThree(t *testing.T) {
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	begin(t, "true") // the pipes of another
	want := append([]string{"0", "1", "2"}, given()...)
	c := script(t, "kill -STOP $$")
	awaitStop(t, c.process.Pid)
	got := slices.Sorted(maps.Keys(descriptors(t, strconv.Itoa(c.process.Pid))))
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("the program has the descriptors %q, want %q", got, want)
	}
}

// given returns the descriptors that this process was given and passes on, besides
// the first three.
func given() (fds []string) {
	for fd := 3; fd < 1024; fd++ {
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			fds = append(fds, strconv.Itoa(fd))
		}
	}
	return fds
}

func TestFailedStartLeavesNothingOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "noise")
	if err := os.WriteFile(path, []byte("\x7fnoise"), 0o755); err != nil {
		t.Fatal(err)
	}
	begin(t, "true").Wait() // what package os keeps is open now
	before := descriptors(t, "self")
	if _, err := Start([]string{path}); err == nil {
		t.Fatal("it was started")
	}
	if after := descriptors(t, "self"); !maps.Equal(before, after) {
		t.Errorf("before: %q\nafter: %q", before, after)
	}
}

// awaitStop waits until a child of this process stops.
func awaitStop(t *testing.T, pid int) {
	t.Helper()
	const one = 1 // P_PID
	var info exitInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, one, uintptr(pid), uintptr(unsafe.Pointer(&info)), syscall.WSTOPPED|syscall.WNOWAIT, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}

func TestStoppedProgramHasNotEnded(t *testing.T) {
	c := script(t, "echo before; kill -STOP $$; echo after; exit 6")
	out := bufio.NewReader(c.Stdout)
	if line, err := out.ReadString('\n'); line != "before\n" {
		t.Fatal(line, err)
	}
	awaitStop(t, c.process.Pid)
	select {
	case <-c.Exited():
		t.Error("it has ended, with status", c.Wait())
	default:
	}
	stop := make(chan struct{})
	defer close(stop)
	c.Forward(stop)
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if got := all(t, out); got != "after\n" {
		t.Errorf("it said %q", got)
	}
	if got := c.Wait(); got != 6 {
		t.Errorf("status %d, want 6", got)
	}
}
