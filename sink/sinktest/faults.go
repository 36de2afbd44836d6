package sinktest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// mostRead is how much of an answer a sink may read.
const mostRead = 16 << 20

// fault is something that goes wrong between a sink and its server: records are worth
// another attempt, whatever may have become of them, and pass when it is over.
type fault struct {
	name  string
	large bool // the batch
	begin func(n *network)
}

// behaviour returns the promise that f does no harm.
func (f fault) behaviour(needs need) behaviour {
	return behaviour{"retry: " + f.name, needs, func(x *trial) { x.survive(f) }}
}

func (x *trial) survive(f fault) {
	batch := x.batch(5)
	if f.large {
		batch = x.large()
	}
	f.begin(x.network)
	x.wantOutcome(x.write(batch), sink.Retry.String())
	if n := x.network.received(); n > mostRead {
		x.errorf("the sink has read %d bytes of an answer", n)
	}
	x.network.heal()
	again := x.write(batch)
	if x.network.server == nil && again.err != nil {
		again = x.write(batch) // without answers a sink learns only now that its connection is gone
	}
	x.wantOutcome(again, delivered)
	x.wantSome(batch)
}

// brokenConnections are faults of connections, whatever is spoken on them.
func brokenConnections() (all []behaviour) {
	for _, f := range []fault{
		{"connections are refused", false, func(n *network) { n.set(func() { n.fault = refuse }) }},
		{"the host is not known", false, func(n *network) { n.set(func() { n.fault = unknownHost }) }},
		{"there is no route to the host", false, func(n *network) {
			n.set(func() { n.fault = func(context.Context) error { return syscall.EHOSTUNREACH } })
		}},
		{"there are no file descriptors left", false, func(n *network) {
			n.set(func() { n.fault = func(context.Context) error { return syscall.EMFILE } })
		}},
		{"a connection is never made", false, func(n *network) { n.set(func() { n.fault = n.hang }) }},
		{"the server reads nothing", true, func(n *network) { n.set(func() { n.toDeaf = true }) }},
		{"the connection is reset within a request", true, func(n *network) { n.set(func() { n.breakAt = 50_000 }) }},
	} {
		all = append(all, f.behaviour(0))
	}
	return append(all,
		behaviour{"retry: the connection of an earlier batch is reset within a request", 0, resetLater},
		behaviour{"retry: the server is away for a while, again and again", 0, flap},
		behaviour{"the server may be away when the sink is made", 0, away},
	)
}

func resetLater(x *trial) {
	x.deliver(x.batch(2))
	x.network.set(func() {
		for _, c := range x.network.conns {
			c.Reset()
		}
	})
	synctest.Wait()
	batch := x.batch(3)
	r := x.write(batch)
	if got := outcomes(r.err, 3); r.err != nil && got[0] != sink.Retry.String() {
		x.errorf("the verdict is %s, want retry or delivered: %s", got[0], short(r.err))
	}
	if r.err != nil {
		x.wantOutcome(x.write(batch), delivered)
	}
	x.wantSome(batch)
}

func flap(x *trial) {
	for range 5 {
		batch := x.batch(3)
		x.network.set(func() {
			x.network.fault = refuse
			for _, c := range x.network.conns {
				c.Reset()
			}
		})
		synctest.Wait()
		for range 3 {
			x.wantOutcome(x.write(batch), sink.Retry.String())
		}
		x.network.heal()
		x.deliver(batch)
	}
	x.wantCount(15)
}

// away makes another sink, while nothing can be reached.
func away(x *trial) {
	x.close()
	x.network.set(func() { x.network.fault = refuse })
	x.sink = x.target.New(x.tb, x.network.dial)
	x.closed = false
	synctest.Wait()
	x.network.heal()
	x.deliver(x.batch(2))
}

// brokenAnswers are faults of a server that speaks HTTP.
func brokenAnswers() (all []behaviour) {
	for _, f := range []fault{
		{"the server never answers", false, with((*exchange).hang)},
		{"the server reads a part of the request and no more", true, with(func(e *exchange) { e.read(1000); e.hang() })},
		{"the server stops within the status line", false, after("HTTP/1.1 2", nil)},
		{"the server stops within the headers", false, after("HTTP/1.1 200 OK\r\nContent-Ty", nil)},
		{"the server stops after the headers", false, cut(100, nil, false)},
		{"the server stops within the body", false, cut(100, nil, true)},
		{"the headers come a byte a second", false, with(func(e *exchange) {
			a := e.real().ok()
			drip(e.raw(), a.head(0), "X")
		})},
		{"the body comes a byte a second", false, with(func(e *exchange) {
			a := e.real().ok()
			c := e.raw()
			say(c, a.head(1<<20))
			drip(c, string(a.body), " ")
		})},
		{"the headers do not end", false, with(func(e *exchange) {
			e.read(0)
			c := e.raw()
			say(c, "HTTP/1.1 200 OK\r\n")
			pour(c, "X-Filler: "+strings.Repeat("x", 500)+"\r\n", 2*mostRead)
		})},
		{"a header does not end", false, with(func(e *exchange) {
			e.read(0)
			c := e.raw()
			say(c, "HTTP/1.1 200 OK\r\nX-Filler: ")
			pour(c, "x", 2*mostRead)
		})},
		{"the body does not end", false, with(func(e *exchange) {
			a := e.real().ok()
			c := e.raw()
			say(c, a.head(1<<30)) // the sum is to fit an int of 32 bits
			say(c, string(a.body))
			pour(c, " ", 2*mostRead)
		})},
		{"the body does not end, in chunks", false, with(func(e *exchange) {
			e.read(0)
			c := e.raw()
			say(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
			pour(c, "10\r\n                \r\n", 2*mostRead)
		})},
		{"the connection is reset before the request is read", false, with(func(e *exchange) { e.raw().Reset() })},
		{"the connection is reset before an answer", false, after("", (*pipe.Conn).Reset)},
		{"the connection is closed before an answer", false, after("", closeIt)},
		{"the connection is reset within the headers", false, after("HTTP/1.1 200 OK\r\nContent-Type: app", (*pipe.Conn).Reset)},
		{"the connection is closed within the headers", false, after("HTTP/1.1 200 OK\r\nContent-Type: app", closeIt)},
		{"the connection is closed after the headers", false, cut(100, closeIt, false)},
		{"the connection is closed within the body", false, cut(100, closeIt, true)},
		{"the connection is closed within a chunk", false, after("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{}", closeIt)},
		{"the connection is closed before the last chunk", false, after("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", closeIt)},
		{"the length of a chunk is no number", false, after("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nlong\r\n{}\r\n", closeIt)},
		{"the answer is that of another protocol", false, after("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", closeIt)},
		{"the answer is a change to another protocol", false, after("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", nil)},
		{"the answer is binary", false, after("\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\xff\xfe", closeIt)},
		{"the status is no number", false, after("HTTP/1.1 OK 200\r\n\r\n", closeIt)},
		{"a header has no name", false, after("HTTP/1.1 200 OK\r\n: nothing\r\nno colon\r\n\r\n{}", closeIt)},
		{"the length of the body is no number", false, after("HTTP/1.1 200 OK\r\nContent-Length: -17\r\n\r\n{}", closeIt)},
		{"the body says that it is compressed, and is not", false, with(func(e *exchange) {
			e.read(0)
			e.send(reply{http.StatusOK, http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, []byte(`{"not":"gzip"}`)})
		})},
		{"the compressed body breaks off", false, with(func(e *exchange) {
			e.read(0)
			e.send(reply{http.StatusOK, http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, zipped(1)[:100]})
		})},
	} {
		all = append(all, f.behaviour(needsHTTP))
	}
	return append(all,
		behaviour{"retry: the body is 64 MiB in 64 KiB", needsHTTP, bomb},
		behaviour{"retry: the answer is lost, and the records are the same ones again", needsHTTP, lostAnswers},
	)
}

// with begins a fault that is in what the server does.
func with(handler func(e *exchange)) func(n *network) {
	return func(n *network) { n.set(func() { n.handler = handler }) }
}

// after has the server store the records, answer with text, and then end the connection;
// nil: hang.
func after(text string, end func(c *pipe.Conn)) func(n *network) {
	return with(func(e *exchange) {
		e.real()
		c := e.raw()
		say(c, text)
		if end != nil {
			end(c)
		}
	})
}

// cut has the server give its answer, with missing bytes less than it says, and then
// end the connection; nil: hang.
func cut(missing int, end func(c *pipe.Conn), body bool) func(n *network) {
	return with(func(e *exchange) {
		a := e.real().ok()
		c := e.raw()
		say(c, a.head(missing))
		if body {
			say(c, string(a.body))
		}
		if end != nil {
			end(c)
		}
	})
}

func closeIt(c *pipe.Conn) { c.Close() }

// zipped returns so many MiB of blanks, compressed.
func zipped(mib int) []byte {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	_, _ = io.WriteString(z, strings.Repeat(" ", 1<<20)) // a buffer takes everything
	_ = z.Close()
	return bytes.Repeat(member.Bytes(), mib) // a reader takes the members for one
}

func bomb(x *trial) {
	const mib, most = 64, 48 << 20
	body := zipped(mib)
	f := fault{begin: with(func(e *exchange) {
		e.read(0)
		e.send(reply{http.StatusOK, http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}, "Content-Length": {strconv.Itoa(len(body))}}, body})
	})}
	var before, then runtime.MemStats
	runtime.ReadMemStats(&before)
	x.survive(f)
	runtime.ReadMemStats(&then)
	if n := then.TotalAlloc - before.TotalAlloc; n > most {
		x.errorf("an answer of %d KiB that has %d MiB takes %d MiB of memory", len(body)>>10, mib, n>>20)
	}
}

func lostAnswers(x *trial) {
	batch := x.batch(5)
	batch[2].Time = time.Time{} // so that it is for the sink to say when that was
	x.network.set(func() {
		x.network.handler = func(e *exchange) { e.real(); e.raw().Reset() }
	})
	for range 3 {
		x.wantOutcome(x.write(batch), sink.Retry.String())
		time.Sleep(time.Minute)
	}
	x.network.heal()
	x.wantOutcome(x.write(batch), delivered)
	x.wantSome(batch)
}
