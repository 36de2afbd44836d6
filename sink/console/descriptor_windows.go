package console

import (
	"errors"
	"os"
	"syscall"
)

const pipeBuf = 4096 // the default size of a pipe's buffer

// duplicate returns a duplicate of f's handle that child processes do not inherit.
func duplicate(f *os.File) (*os.File, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	process, err := syscall.GetCurrentProcess()
	if err != nil {
		return nil, os.NewSyscallError("GetCurrentProcess", err)
	}
	var handle syscall.Handle
	var dupErr error
	err = conn.Control(func(from uintptr) {
		dupErr = syscall.DuplicateHandle(process, syscall.Handle(from), process, &handle, 0, false, syscall.DUPLICATE_SAME_ACCESS)
	})
	if err == nil {
		err = os.NewSyscallError("DuplicateHandle", dupErr)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(handle), f.Name()), nil
}

const errInvalidHandle = syscall.Errno(6) // ERROR_INVALID_HANDLE

// closedIfBad says of a handle that is none that it is closed.
func closedIfBad(err error) error {
	if errors.Is(err, errInvalidHandle) {
		return os.ErrClosed
	}
	return err
}

const virtualTerminal = 0x4 // ENABLE_VIRTUAL_TERMINAL_PROCESSING: the console understands SGR sequences

func terminalOf(f *os.File) terminal {
	conn, err := f.SyscallConn()
	if err != nil {
		return terminal{}
	}
	var mode uint32
	var modeErr error
	err = conn.Control(func(handle uintptr) { modeErr = syscall.GetConsoleMode(syscall.Handle(handle), &mode) })
	is := err == nil && modeErr == nil
	return terminal{is: is, colors: is && mode&virtualTerminal != 0}
}

// identity finds none: the sinks of one *os.File take turns, no others.
func identity(os.FileInfo) (any, bool) { return nil, false }

const errNoData = syscall.Errno(232) // ERROR_NO_DATA: the pipe is being closed

func isGone(err error) bool {
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errNoData)
}

func wouldBlock(error) bool { return false }
