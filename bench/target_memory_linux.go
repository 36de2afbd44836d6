package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// residentMemory returns what of this process is in memory, and has been at most,
// in bytes: VmRSS and VmHWM of proc_pid_status(5).
func residentMemory() (now, most int64, err error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, err
	}
	if now, err = statusField(string(text), "VmRSS:"); err != nil {
		return 0, 0, err
	}
	most, err = statusField(string(text), "VmHWM:")
	return now, most, err
}

func statusField(status, name string) (bytes int64, err error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", name)
}
