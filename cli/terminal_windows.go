package cli

import (
	"os"
	"syscall"
)

const virtualTerminal = 0x4 // ENABLE_VIRTUAL_TERMINAL_PROCESSING: the console understands cursor movements

// sizeOf does not know the size of a console, but whether it is one.
func sizeOf(f *os.File) screen {
	conn, err := f.SyscallConn()
	if err != nil {
		return screen{}
	}
	var mode uint32
	var modeErr error
	err = conn.Control(func(handle uintptr) { modeErr = syscall.GetConsoleMode(syscall.Handle(handle), &mode) })
	if err != nil || modeErr != nil || mode&virtualTerminal == 0 {
		return screen{}
	}
	return screen{}.orUsual()
}

// inBackground is of Unix.
func inBackground(any) bool { return false }
