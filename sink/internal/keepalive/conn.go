package keepalive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"sync/atomic"
)

// conn is a connection on which nobody hears what the server was not asked for: a body
// behind a 204, say, or more of one than its length. Package http prints that, through
// package log, which may be the program's own logger, so that each delivery would make a
// record for the next; and a server may repeat secrets. Here it ends the connection.
//
// It hands out what the server says line by line, and what is known to be a body up to
// its length, so that nothing of what comes after an answer is in the buffer of package
// http by then.
//
// What is below TLS, as in a tunnel through a proxy, is always asked for.
type conn struct {
	net.Conn
	in   *bufio.Reader // read by one goroutine at a time
	body int64         // what is left of a body whose length is known; belongs to who reads

	// Turns are numbered: the first is that of who dials, and each request has another.
	// One is under way if asked is more than done.
	turns atomic.Int64 // given so far
	asked atomic.Int64 // the one that has written last; 0: nobody has
	done  atomic.Int64 // the last one that has ended; the largest number: none is to come
}

// dialler is the turn of who dials: TLS or a proxy is spoken to before any request.
const dialler = 1

// errUnasked is why a connection ends on which the server speaks unasked.
var errUnasked = errors.New("the server said more than it was asked for")

// Dial makes connections, as [net.Dialer.DialContext] does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer returns dial with a conn on each connection; nil: that of a [net.Dialer].
func Dialer(dial Dial) Dial {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newConn(c), nil
	}
}

// DialTLS makes a TLS connection over one that dial makes, for a Dialer above it. config is not
// changed; without a ServerName that of address counts.
func DialTLS(ctx context.Context, dial Dial, network, address string, config *tls.Config) (*tls.Conn, error) {
	c, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return secured, nil
}

func newConn(c net.Conn) *conn {
	k := &conn{Conn: c, in: bufio.NewReader(c)}
	k.turns.Store(dialler)
	return k
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	if _, err := c.in.Peek(1); err != nil {
		return 0, err
	}
	if c.asked.Load() <= c.done.Load() {
		return 0, errUnasked
	}
	said, _ := c.in.Peek(min(len(p), c.in.Buffered()))
	n := len(said)
	if c.body > 0 {
		n = int(min(int64(n), c.body))
		c.body -= int64(n)
	} else if i := bytes.IndexByte(said, '\n'); i >= 0 {
		n = i + 1
	}
	return c.in.Read(p[:n])
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	c.asked.Store(c.turns.Load())
	return c.Conn.Write(p)
}

// turn is that of a request.
type turn struct {
	conn *conn
	n    int64
}

// turnOn begins one; nil if c is no conn. The next may begin before this one is ended,
// as a connection is given back before anybody is told.
func turnOn(c net.Conn) *turn {
	k, ok := c.(*conn)
	if !ok {
		return nil
	}
	return &turn{k, k.turns.Add(1)}
}

// expect says how long the body is that is read next.
func (t *turn) expect(length int64) {
	if t != nil {
		t.conn.body = length
	}
}

// end is called by who reads, with the error if the connection is not kept. What has
// come already was not asked for.
func (t *turn) end(err error) {
	if t == nil || err != nil {
		return
	}
	t.conn.done.Store(t.n)
	if t.conn.in.Buffered() > 0 {
		t.conn.done.Store(math.MaxInt64) // nobody reads it, also if the next request has written already:
		_ = t.conn.Close()               // that one takes another connection
	}
}
