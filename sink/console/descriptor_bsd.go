//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package console

import "syscall"

const (
	getTermios = syscall.TIOCGETA
	pipeBuf    = 512 // _POSIX_PIPE_BUF, and PIPE_BUF on these systems
)
