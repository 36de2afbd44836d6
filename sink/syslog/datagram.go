package syslog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"

	"github.com/fapilog/fapilog/sink"
)

// sendDatagrams sends each record as a datagram.
func (d *destination) sendDatagrams(ctx context.Context, c *conn, batch []sink.Record) error {
	var items []sink.ItemError
	for i := range batch {
		d.message = d.form.append(d.message[:0], &batch[i])
		_, err := c.Write(d.message)
		switch {
		case err == nil:
		case isTooLong(err):
			err = fmt.Errorf("a datagram of %d bytes is too long for the system: %w", len(d.message), err)
			items = append(items, sink.ItemError{Index: i, Verdict: sink.TooLarge, Err: err})
		case ctx.Err() != nil || errors.Is(err, syscall.ENOBUFS):
			return &sink.Error{Err: err, Items: append(items, again(i, len(batch), err)...)}
		default:
			// ECONNREFUSED, say, which is about an earlier datagram.
			return err
		}
	}
	if err := pendingError(c.raw); err != nil {
		return err
	}
	if len(items) > 0 {
		return &sink.Error{Items: items}
	}
	return nil
}

// again has the records from first on sent again.
func again(first, n int, err error) (items []sink.ItemError) {
	for i := first; i < n; i++ {
		items = append(items, sink.ItemError{Index: i, Err: err})
	}
	return items
}

// wsaeMsgSize is what Windows has for EMSGSIZE:
// https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2.
const wsaeMsgSize = syscall.Errno(10040)

func isTooLong(err error) bool {
	return errors.Is(err, syscall.EMSGSIZE) || runtime.GOOS == "windows" && errors.Is(err, wsaeMsgSize)
}
