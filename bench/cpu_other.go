//go:build !linux

package main

import (
	"runtime"
	"time"
)

// CPU time is read on Linux only; elsewhere what is made of it does not count.

func threadCPU() time.Duration  { return 0 }
func processCPU() time.Duration { return 0 }

func cpuModel() string { return "unknown" }
func kernel() string   { return runtime.GOOS }
