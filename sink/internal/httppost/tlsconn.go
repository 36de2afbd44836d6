package httppost

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"sync"

	"github.com/fapilog/fapilog/sink/internal/identity"
	"github.com/fapilog/fapilog/sink/internal/keepalive"
)

// tlsConn is a TLS connection whose writes tell why it ended.
//
// In TLS 1.3 the client may send a request before the server has looked at its
// certificate. When the server then refuses it, that is read as an alert, while a
// write fails with nothing but a broken pipe; package http returns the error of
// whichever it sees first. So a write that fails waits for the read that always
// goes on beside it, which must end as well.
type tlsConn struct {
	*tls.Conn
	once  sync.Once
	ended chan struct{} // closed at the first Read that fails, and by Close
	err   error         // of that Read
}

// dialTLS makes a TLS connection to a server without a proxy between, or to a proxy.
func (c *Client) dialTLS(ctx context.Context, network, address string, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, maxDial)
	defer cancel()
	secured, err := keepalive.DialTLS(ctx, c.dial, network, address, config)
	if err != nil {
		return nil, err
	}
	return &tlsConn{Conn: secured, ended: make(chan struct{})}, nil
}

// Read implements [net.Conn].
func (c *tlsConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.end(err)
	}
	return n, err
}

// Write implements [net.Conn].
func (c *tlsConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && !os.IsTimeout(err) {
		<-c.ended
		if identity.Refused(c.err) {
			err = c.err
		}
	}
	return n, err
}

// Close implements [net.Conn].
func (c *tlsConn) Close() error {
	c.end(nil)
	return c.Conn.Close()
}

func (c *tlsConn) end(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.ended)
	})
}
