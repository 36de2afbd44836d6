package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// prepare gives a supervisor that is process 1 a /proc of its own.
func prepare() {
	if os.Getpid() != 1 {
		return
	}
	err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	if err == nil {
		err = syscall.Mount("proc", "/proc", "proc", 0, "")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mounting /proc:", err)
		os.Exit(99)
	}
}

// finish has a supervisor that is process 1 wait for all others to end, and say
// which zombies there are.
func finish(c *Child, status int) int {
	if os.Getpid() == 1 {
		<-c.reaped
		fmt.Fprintf(os.Stderr, "processes: %q, zombies: %d\n", processes(), zombies())
	}
	return status
}

// processes returns the ids of all processes there are.
func processes() (ids []string) {
	paths, _ := filepath.Glob("/proc/[0-9]*")
	for _, path := range paths {
		ids = append(ids, filepath.Base(path))
	}
	return ids
}

func zombies() (n int) {
	for _, id := range processes() {
		stat, _ := os.ReadFile("/proc/" + id + "/stat")
		if _, state, ok := strings.Cut(string(stat), ") "); ok && strings.HasPrefix(state, "Z") {
			n++
		}
	}
	return n
}
