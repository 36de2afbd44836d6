//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package console

import (
	"errors"
	"os"
)

const pipeBuf = 512 // _POSIX_PIPE_BUF

// duplicate fails: without a duplicate a closed pipe would end the process.
func duplicate(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }

func closedIfBad(err error) error { return err }

func terminalOf(*os.File) terminal { return terminal{} }

func identity(os.FileInfo) (any, bool) { return nil, false }

func isGone(error) bool { return false }

func wouldBlock(error) bool { return false }
