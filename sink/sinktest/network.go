package sinktest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// network is what a sink can reach: the target's server, with a front of the suite's
// own before it if both speak HTTP. Whatever is to go wrong goes wrong here.
type network struct {
	back   *pipe.Listener // of the target's server
	front  *pipe.Listener // that is dialled; back if there is no front
	deaf   *pipe.Listener // from which nobody accepts
	server *http.Server   // at the front; nil: there is none
	ctx    context.Context
	stop   context.CancelFunc // ends everything that hangs

	mu       sync.Mutex
	handler  func(e *exchange) // of the front; nil: what the target's server says
	fault    func(ctx context.Context) error
	toDeaf   bool
	breakAt  int64 // connections are reset when this has been written; 0: never
	dialled  []string
	conns    []*conn
	hijacked []net.Conn
	requests []*request
}

// request is a request at the front.
type request struct {
	method string
	header http.Header
	body   []byte // as far as it was read
}

func newNetwork(target *Target, store *Store) *network {
	n := &network{back: pipe.Listen(), deaf: pipe.Listen()}
	n.ctx, n.stop = context.WithCancel(context.Background())
	n.front = n.back
	go target.Server(n.back, store)
	if target.HTTP {
		n.front = pipe.Listen()
		n.server = &http.Server{Handler: n, ErrorLog: log.New(io.Discard, "", 0)}
		go n.server.Serve(n.front)
	}
	return n
}

// set changes what goes wrong.
func (n *network) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// heal has everything go well again.
func (n *network) heal() {
	n.set(func() { n.handler, n.fault, n.toDeaf, n.breakAt = nil, nil, false, 0 })
}

// dial is a [Dial].
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, address)
	fault, breakAt, l := n.fault, n.breakAt, n.front
	if n.toDeaf {
		l = n.deaf
	}
	n.mu.Unlock()
	if fault != nil {
		if err := fault(ctx); err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	}
	c, err := l.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	made := &conn{Conn: c.(*pipe.Conn), breakAt: breakAt}
	n.set(func() { n.conns = append(n.conns, made) })
	return made, nil
}

// conn is the sink's end of a connection.
type conn struct {
	*pipe.Conn
	breakAt       int64
	read, written atomic.Int64
	closed        atomic.Bool
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.breakAt > 0 && c.written.Load()+int64(len(p)) > c.breakAt {
		n, _ := c.Conn.Write(p[:max(0, c.breakAt-c.written.Load())])
		c.written.Add(int64(n))
		c.Reset()
		_, err := c.Conn.Write(p[n:])
		return n, err
	}
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// open returns how many connections the sink has not closed.
func (n *network) open() (open int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		if !c.closed.Load() {
			open++
		}
	}
	return open
}

// received returns how many bytes the sink has read.
func (n *network) received() (bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		bytes += c.read.Load()
	}
	return bytes
}

// addresses returns all that were dialled.
func (n *network) addresses() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.dialled...)
}

// posts returns the requests with a body so far.
func (n *network) posts() (posts []*request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.requests {
		if len(r.body) > 0 {
			posts = append(posts, r)
		}
	}
	return posts
}

// shut ends the servers and all connections.
func (n *network) shut() {
	n.stop()
	if n.server != nil {
		_ = n.server.Close() // nothing can be done about it
	}
	n.back.Close()
	n.deaf.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.hijacked {
		c.Close()
	}
	for _, c := range n.conns {
		c.Reset()
	}
}

// refuse, unknownHost and hang are faults of dialling.
func refuse(context.Context) error { return errRefused }

func unknownHost(context.Context) error {
	return &net.DNSError{Err: "no such host", Name: "server.example", IsNotFound: true}
}

func (n *network) hang(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-n.ctx.Done():
		return n.ctx.Err()
	}
}
