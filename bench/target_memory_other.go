//go:build !linux

package main

import "errors"

func residentMemory() (now, most int64, err error) {
	return 0, 0, errors.New("resident memory is read on Linux only")
}
