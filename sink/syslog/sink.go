package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// maxKept is the size up to which buffers are kept for the next batch.
const maxKept = 256 << 10

var errClosed = errors.New("the sink is closed")

// destination is the sink. Calls of Write and Ping wait for each other: messages of two
// batches do not mix in a connection.
type destination struct {
	config  Config
	form    form
	network string
	address string
	maxAge  time.Duration // 0: no limit
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	ctx    context.Context // ended by Close
	cancel context.CancelFunc

	// turn holds a token, but while somebody has what stands below.
	turn    chan struct{}
	conn    *conn // nil: none
	files   certificates
	message []byte
	buffer  []byte
}

func newDestination(c *Config) *destination {
	d := &destination{
		config: *c, form: newForm(c), network: c.network(), address: c.address(), maxAge: c.maxConnAge(),
		dial: c.Dial, turn: make(chan struct{}, 1),
	}
	if d.dial == nil {
		d.dial = new(net.Dialer).DialContext
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.turn <- struct{}{}
	return d
}

// Defaults implements [sink.Defaulter], for a sink that New has returned.
func (d *destination) Defaults() map[string]string { return d.config.Defaults() }

// Write implements [sink.Sink].
func (d *destination) Write(ctx context.Context, batch []sink.Record) error {
	return d.use(ctx, func(ctx context.Context, c *conn) error {
		if d.network == "udp" {
			return d.sendDatagrams(ctx, c, batch)
		}
		return d.sendStream(ctx, c, batch)
	})
}

// Ping implements [sink.Pinger]. It connects, unless a connection is there. Over UDP
// that finds out no more than whether the name has an address.
func (d *destination) Ping(ctx context.Context) error {
	return d.use(ctx, func(ctx context.Context, c *conn) error { return c.settle(ctx) })
}

// Close implements [sink.Sink].
func (d *destination) Close() error {
	d.cancel()
	d.closeIdle()
	return nil
}

// use calls f with the connection, a new one if need be. It is closed if f fails.
func (d *destination) use(ctx context.Context, f func(context.Context, *conn) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	select {
	case <-d.turn:
	case <-ctx.Done():
		return d.named(ctx.Err())
	}
	defer d.release()
	if d.ctx.Err() != nil {
		return d.named(errClosed)
	}
	if err := d.connect(ctx); err != nil {
		return d.named(err)
	}
	stop := d.conn.bound(ctx)
	err := f(ctx, d.conn)
	if !stop() || err != nil { // once it was cut short no deadline can be trusted
		d.drop()
	}
	return d.named(err)
}

func (d *destination) release() {
	d.turn <- struct{}{}
	if d.ctx.Err() != nil {
		d.closeIdle() // Close may have found it in use
	}
}

// closeIdle closes the connection if nobody has it.
func (d *destination) closeIdle() {
	select {
	case <-d.turn:
		d.finish()
		d.turn <- struct{}{}
	default:
	}
}

// named puts the sink's name before an error, and keeps its verdict.
func (d *destination) named(err error) error {
	if err == nil {
		return nil
	}
	var e *sink.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("syslog: %w", err)
	}
	named := *e
	if e.Err != nil {
		named.Err = fmt.Errorf("syslog: %w", e.Err)
	}
	return &named
}

// frame appends a message with what a connection needs to find its end.
func (d *destination) frame(dst, message []byte) []byte {
	if d.config.Framing == LF {
		return append(append(dst, message...), '\n')
	}
	dst = strconv.AppendInt(dst, int64(len(message)), 10)
	return append(append(dst, ' '), message...)
}

// sendStream writes a batch to a connection. What was written when an error comes may be there
// or not, so the error is one for all of it.
func (d *destination) sendStream(ctx context.Context, c *conn, batch []sink.Record) error {
	if !d.config.confirms() { // else it is found at the end
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	d.buffer = d.buffer[:0]
	for i := range batch {
		d.message = d.form.append(d.message[:0], &batch[i])
		d.buffer = d.frame(d.buffer, d.message)
	}
	_, err := c.Write(d.buffer)
	if cap(d.buffer) > maxKept {
		d.buffer = nil
	}
	if cap(d.message) > maxKept {
		d.message = nil
	}
	if err != nil {
		return c.reason(ctx, err)
	}
	if d.config.confirms() {
		err = c.confirm(ctx)
		d.drop()
		return err
	}
	if err, ended := c.ended(); ended {
		return judge(fmt.Errorf("the server closed the connection during the batch: %w", err))
	}
	return nil
}
