package console

import "syscall"

const (
	getTermios = syscall.TCGETS
	pipeBuf    = 4096 // pipe(7)
)
