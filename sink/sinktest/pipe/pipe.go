// Package pipe is a network in memory, for tests of sinks. It keeps to the clock
// of a [testing/synctest] bubble: whatever waits in it is durably blocked.
//
//	l := pipe.Listen()
//	go http.Serve(l, handler)
//	client := http.Client{Transport: &http.Transport{DialContext: l.Dial}}
//
// Its connections are like TCP's: what is written is buffered, 64 KiB in each
// direction; each direction can be closed by itself; a connection can be reset;
// deadlines work.
package pipe

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Listener is a [net.Listener] and its network at the same time. It is safe for
// concurrent use.
type Listener struct {
	mu      sync.Mutex
	changed sync.Cond
	waiting []*Conn // dialled and not yet accepted
	closed  bool
}

// Listen returns a new network with one listener.
func Listen() *Listener {
	l := new(Listener)
	l.changed.L = &l.mu
	return l
}

// Dial connects to the listener, whatever the address. As with TCP the
// connection is there before it is accepted. Without a listener, because it is
// closed, the error is ECONNREFUSED.
func (l *Listener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: err}
	}
	client, server := newPair(addr(address))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: syscall.ECONNREFUSED}
	}
	l.waiting = append(l.waiting, server)
	l.changed.Signal()
	return client, nil
}

// Accept implements [net.Listener]. The connection is a [*Conn].
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) == 0 && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "pipe", Err: net.ErrClosed}
	}
	conn := l.waiting[0]
	l.waiting = l.waiting[1:]
	return conn, nil
}

// Close implements [net.Listener]. It resets the connections that nobody has
// accepted; the others remain.
func (l *Listener) Close() error {
	l.mu.Lock()
	waiting := l.waiting
	l.waiting, l.closed = nil, true
	l.changed.Broadcast()
	l.mu.Unlock()
	for _, conn := range waiting {
		conn.Reset()
	}
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return addr("pipe") }

// addr is the address of an end.
type addr string

// Network implements [net.Addr].
func (addr) Network() string { return "pipe" }

// String implements [net.Addr].
func (a addr) String() string { return string(a) }
