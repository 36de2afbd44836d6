//go:build !linux

package main

import "errors"

func voluntarySwitches() (int64, error) {
	return 0, errors.New("the CPU time and the wake-ups of a process are read on Linux only")
}
