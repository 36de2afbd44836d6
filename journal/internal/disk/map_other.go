//go:build !linux

package disk

import "errors"

func mappable(string) bool { return false }

func allocate(uintptr, int64) error { return errors.ErrUnsupported }

func mmap(uintptr, int) (*Mapping, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return nil }

func populate(*Mapping) error { return errors.ErrUnsupported }
