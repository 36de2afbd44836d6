//go:build !unix

package child

import "os"

// forwarded returns the signal of Ctrl-C and Ctrl-Break. The console gives it to
// every program that is attached to it, and it cannot be sent to another process.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

func asksForEnd(os.Signal) bool { return true }

func fromTerminal(os.Signal) bool { return true }

func stops(os.Signal) bool { return false }

func stop() {}

func sameGroup(int) bool { return true }

func inForeground() bool { return true }

// statusOf returns the exit code of a process that has ended.
func statusOf(state *os.ProcessState) int { return state.ExitCode() }
