package life

import "errors"

var (
	// ErrDamaged says that a file cannot be read, whatever has happened to it.
	ErrDamaged = errors.New("damaged")

	// ErrNewer says that a file cannot be read because another version wrote it,
	// or a machine of another byte order. It is to be left as it is.
	ErrNewer = errors.New("written by another version or in another byte order")
)
