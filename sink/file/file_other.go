//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package file

const openFlags = 0

// access finds nothing: only an attempt tells.
func access(string, bool) error { return nil }
