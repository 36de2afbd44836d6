package frame

import (
	"io"
	"syscall"
)

// eio is a disk with unreadable pages.
type eio struct {
	io.ReaderAt
	bad map[int64]bool
}

func (e eio) ReadAt(p []byte, off int64) (int, error) {
	for n := off / Page; n <= (off+int64(len(p))-1)/Page; n++ {
		if e.bad[n] {
			return 0, syscall.EIO
		}
	}
	return e.ReaderAt.ReadAt(p, off)
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	bytes int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.bytes += n
	return n, err
}
