package pipe

import (
	"net"
	"time"
)

// Conn is one end of a connection. It is safe for concurrent use.
type Conn struct {
	in, out       *stream
	local, remote addr
}

// newPair returns the two ends of a connection to server.
func newPair(server addr) (client, accepted *Conn) {
	up, down := newStream(), newStream()
	return &Conn{in: down, out: up, local: "client", remote: server}, &Conn{in: up, out: down, local: server, remote: "client"}
}

// Read implements [net.Conn]. At the end of what was written before the other
// end closed it returns [io.EOF], and once the connection is reset ECONNRESET.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write implements [net.Conn]. It returns when all of p is in the buffer. When
// the other end reads no more the error is EPIPE.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// Close implements [net.Conn]. The other end can still read what was written.
func (c *Conn) Close() error {
	c.in.closeRead()
	return c.wrap("close", c.out.closeWrite(net.ErrClosed))
}

// CloseWrite tells the other end that there is no more to read.
func (c *Conn) CloseWrite() error {
	return c.wrap("close", c.out.closeWrite(errShut))
}

// Reset ends the connection at once; what has not been read yet is lost. Reads
// and writes of both ends fail from now on.
func (c *Conn) Reset() {
	c.in.reset()
	c.out.reset()
}

// LocalAddr implements [net.Conn].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn]. It is the address that was dialled, or
// "client".
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.reads.set(c.in, t)
	c.out.writes.set(c.out, t)
	return nil
}

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.reads.set(c.in, t)
	return nil
}

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.writes.set(c.out, t)
	return nil
}

// wrap makes of an error what package net would.
func (c *Conn) wrap(op string, err error) error {
	if err == nil || isEOF(err) {
		return err
	}
	return &net.OpError{Op: op, Net: "pipe", Source: c.local, Addr: c.remote, Err: err}
}
