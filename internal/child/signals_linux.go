package child

import "syscall"

const (
	// The real-time signals, but for those that the C libraries keep for threads
	// (signal(7), "Real-time signals"; musl takes three).
	firstRealTime syscall.Signal = 35
	lastRealTime  syscall.Signal = 64
)
