package syslog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/identity"
)

// closeGrace is how long the end of a TLS connection may take to be said.
const closeGrace = 100 * time.Millisecond

// conn is a connection to the server. Who has the destination's turn has it, but for
// its goroutine.
type conn struct {
	net.Conn          // what is written to: raw, or TLS on it
	raw      net.Conn // the connection itself
	born     time.Time

	unsettled *listening // whether the server accepts our certificate is not known; nil: it does

	// done is closed when watch, the connection's goroutine, has returned: the other
	// side has ended the connection, or close has. nil: datagrams, not watched.
	done chan struct{}
	err  error // why; to be read when done is closed
}

// connect makes sure that there is a connection that the server has not ended.
func (d *destination) connect(ctx context.Context) error {
	if d.conn != nil {
		err, ended := d.conn.ended()
		switch {
		case ended:
			d.drop()
			if identity.Refused(err) {
				return park(err)
			}
		case d.maxAge > 0 && time.Since(d.conn.born) >= d.maxAge:
			d.finish()
		default:
			return nil
		}
	}
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	d.conn = c
	return nil
}

// open makes a connection.
func (d *destination) open(ctx context.Context) (*conn, error) {
	secured := d.config.Transport == TLS
	if secured {
		if err := d.files.load(&d.config); err != nil {
			return nil, park(err)
		}
	}
	raw, err := d.dial(ctx, d.network, d.address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, raw: raw, born: time.Now()}
	switch {
	case secured:
		err = c.secure(ctx, d.files.last)
	case d.network != "udp":
		c.start()
	}
	if err != nil {
		c.close()
		return nil, judge(err)
	}
	return c, nil
}

// drop closes the connection at once, if there is one.
func (d *destination) drop() {
	if d.conn != nil {
		d.conn.close()
		d.conn = nil
	}
}

// finish closes the connection, if there is one, after telling the server.
func (d *destination) finish() {
	if d.conn != nil {
		d.conn.finish()
		d.conn = nil
	}
}

func (c *conn) start() {
	c.done = make(chan struct{})
	go c.watch()
}

// watch reads what the server sends, which is of no interest, until it ends. Without
// it the end would be found by a write at the earliest, and often by the second.
func (c *conn) watch() {
	defer close(c.done)
	buffer := make([]byte, 512)
	for {
		if _, err := c.Read(buffer); err != nil {
			c.err = err
			return
		}
	}
}

// ended reports whether the server has ended the connection, and with which error.
func (c *conn) ended() (error, bool) {
	select {
	case <-c.done:
		return c.err, true
	default:
		return nil, false
	}
}

// bound makes reads and writes of c end with ctx. stop reports whether they were not; then c may be
// used again.
func (c *conn) bound(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { c.raw.SetDeadline(time.Unix(1, 0)) })
}

// reason returns the error of a write that failed with err. A server that refuses our
// certificate says so where it is read.
func (c *conn) reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the server takes too long", err)
	}
	select {
	case <-c.done:
		if identity.Refused(c.err) {
			err = c.err
		}
	case <-ctx.Done():
	}
	return judge(err)
}

// finBytes is what our end of the connection takes among the unacknowledged bytes (RFC
// 9293, section 3.4). Behind TLS it may have been sent a moment ago.
const finBytes = 1

var errUnread = errors.New("the server has closed the connection without reading all of the batch")

// confirm says that nothing more will be written, and waits until the server has read
// all and says so too.
func (c *conn) confirm(ctx context.Context) error {
	if _, ended := c.ended(); ended {
		return c.unconfirmed(errUnread)
	}
	if err := closeWrite(c.Conn); err != nil {
		return c.reason(ctx, err)
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		return errors.New("the server has not closed the connection behind the batch, so whether it has read it is not known; if it never does, give confirm=never")
	}
	err := c.err
	if err == io.EOF && c.Conn != c.raw {
		err = c.drain()
	}
	if err == io.EOF && unacknowledged(c.raw) > finBytes {
		err = errUnread // its end was on the way before the rest of the batch had come
	}
	if err == io.EOF {
		return nil
	}
	return c.unconfirmed(err)
}

// drain waits for the end below TLS. A server can say the end of TLS before it has read
// everything; then the connection is reset.
func (c *conn) drain() error {
	if err := closeWrite(c.raw); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, c.raw); err != nil {
		return err
	}
	return io.EOF
}

func closeWrite(c net.Conn) error {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("the connection cannot be closed in one direction; give confirm=never")
	}
	return half.CloseWrite()
}

func (c *conn) unconfirmed(err error) error {
	if identity.Refused(c.err) {
		return park(c.err)
	}
	return fmt.Errorf("whether the server has read the batch is not known: %w", err)
}

func (c *conn) close() {
	c.raw.Close()
	if c.done != nil {
		<-c.done
	}
}

// finish closes c as RFC 5425, section 4.4, asks for: the server is told. If its buffers
// are full, it is not.
func (c *conn) finish() {
	if c.Conn != c.raw {
		limit := time.AfterFunc(closeGrace, func() { c.raw.Close() })
		c.Conn.Close()
		limit.Stop()
	}
	c.close()
}

// judge gives an error that is about who one side is its verdict.
func judge(err error) error {
	if identity.Refused(err) {
		return park(err)
	}
	return err
}

func park(err error) error { return &sink.Error{Err: err, Verdict: sink.Park} }
