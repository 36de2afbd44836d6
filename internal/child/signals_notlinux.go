//go:build unix && !linux

package child

import "syscall"

const (
	// There are no real-time signals that Go knows of.
	firstRealTime syscall.Signal = 1
	lastRealTime  syscall.Signal = 0
)
