//go:build unix

package child

import (
	"os"
	"slices"
	"syscall"
)

// own are the signals that are about what this process does itself.
var own = []os.Signal{
	syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGTTIN, syscall.SIGTTOU,
}

// uncaught are those that cannot be caught, or are for Go's runtime.
var uncaught = []os.Signal{
	syscall.SIGKILL, syscall.SIGSTOP,
	syscall.SIGPROF, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV, syscall.SIGSYS,
}

// forwarded returns the signals that are passed on.
func forwarded() (all []os.Signal) {
	const lastStandard = 31
	for n := syscall.Signal(1); n <= lastStandard; n++ {
		if !slices.Contains(own, os.Signal(n)) && !slices.Contains(uncaught, os.Signal(n)) {
			all = append(all, n)
		}
	}
	for n := firstRealTime; n <= lastRealTime; n++ {
		all = append(all, n)
	}
	return all
}

// asksForEnd reports whether s asks a program to end.
func asksForEnd(s os.Signal) bool {
	return s == syscall.SIGHUP || s == syscall.SIGINT || s == syscall.SIGQUIT || s == syscall.SIGTERM
}

// fromTerminal reports whether a terminal sends s to the processes in its foreground.
func fromTerminal(s os.Signal) bool {
	return s == syscall.SIGINT || s == syscall.SIGQUIT || s == syscall.SIGWINCH || stops(s)
}

// stops reports whether a process stops when a terminal sends it s.
func stops(s os.Signal) bool { return s == syscall.SIGTSTP }

// stop stops this process until SIGCONT.
func stop() { _ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) }

// statusOf returns the status of a process that has ended, as a shell has it in $?.
func statusOf(state *os.ProcessState) int {
	w, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
		return unknown
	case w.Signaled():
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}
