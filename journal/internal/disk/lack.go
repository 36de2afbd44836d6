package disk

import (
	"errors"
	"syscall"
)

// NoSpace reports whether err says that no more can be stored, while what is
// stored can be read and written.
func NoSpace(err error) bool { return oneOf(err, noSpace) }

// Starved reports whether err says that the process, or the system, has too few
// descriptors or too little memory just now.
func Starved(err error) bool { return oneOf(err, starved) }

func oneOf(err error, of []syscall.Errno) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
