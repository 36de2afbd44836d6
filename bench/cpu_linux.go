package main

import (
	"os"
	"strings"
	"syscall"
	"time"
)

const rusageThread = 1 // RUSAGE_THREAD, getrusage(2)

// threadCPU returns the CPU time, user and system, of the calling thread.
func threadCPU() time.Duration { return usage(rusageThread) }

// processCPU returns that of all threads of the process.
func processCPU() time.Duration { return usage(syscall.RUSAGE_SELF) }

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
