package sinktest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// ends are those of attempts and of the sink.
var ends = []behaviour{
	{"a context that has ended already ends Write", 0, func(x *trial) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		r := x.writeWith(ctx, 0, x.batch(3))
		if r.err == nil {
			x.errorf("Write returns nil")
		}
		x.wantCount(0)
		x.deliver(x.batch(2))
	}},
	{"a deadline that has passed already ends Write", 0, func(x *trial) {
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		if r := x.writeWith(ctx, 0, x.batch(3)); r.err == nil {
			x.errorf("Write returns nil")
		}
		x.wantCount(0)
		x.deliver(x.batch(2))
	}},
	{"a context that ends ends a Write that waits for a connection", 0, func(x *trial) {
		x.network.set(func() { x.network.fault = x.network.hang })
		x.canceled()
	}},
	{"a context that ends ends a Write that waits for an answer", needsHTTP, func(x *trial) {
		x.network.set(func() { x.network.handler = (*exchange).hang })
		x.canceled()
	}},
	{"a Write that was cut off leaves nothing behind for the next", needsHTTP, func(x *trial) {
		x.deliver(x.batch(2))
		x.network.set(func() {
			x.network.handler = func(e *exchange) { time.Sleep(2 * timeout); status(http.StatusTeapot)(e) }
		})
		x.wantOutcome(x.write(x.batch(2)), sink.Retry.String())
		x.network.heal()
		x.deliver(x.batch(2))
		time.Sleep(patience)
		x.deliver(x.batch(2))
	}},
	{"a sink that wrote nothing closes", 0, func(x *trial) { x.close() }},
	{"nothing is left after Close", 0, func(x *trial) {
		for range 5 {
			x.deliver(x.batch(2))
		}
		x.close() // whatever is left is seen at the end of every trial
	}},
	{"nothing is left after Close in an outage", 0, func(x *trial) {
		x.deliver(x.batch(2))
		x.network.set(func() {
			x.network.fault = refuse
			for _, c := range x.network.conns {
				c.Reset()
			}
		})
		synctest.Wait()
		x.write(x.batch(2))
		x.close()
	}},
	{"Close does not wait for a Write that hangs", needsHTTP, func(x *trial) {
		x.network.set(func() { x.network.handler = (*exchange).hang })
		x.closeWhileWriting()
	}},
	{"Close does not wait for a connection that is never made", 0, func(x *trial) {
		x.network.set(func() { x.network.fault = x.network.hang })
		x.closeWhileWriting()
	}},
	{"a Write after Close fails at once", 0, func(x *trial) {
		x.deliver(x.batch(2))
		x.close()
		if r := x.writeWith(context.Background(), 0, x.batch(2)); r.err == nil {
			x.errorf("Write returns nil")
		}
		x.wantCount(2)
	}},
}

// canceled makes an attempt that is cancelled after a second.
func (x *trial) canceled() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(time.Second, cancel)
	x.wantOutcome(x.writeWith(ctx, time.Second, x.batch(3)), sink.Retry.String())
	x.network.heal()
	x.deliver(x.batch(2))
}

func (x *trial) closeWhileWriting() {
	var wg sync.WaitGroup
	wg.Go(func() {
		x.do(func() {
			if r := x.write(x.batch(2)); r.err == nil {
				x.errorf("the Write that hung returns nil")
			}
		})
	})
	synctest.Wait()
	x.close()
	wg.Wait()
}

// errorTexts are what errors say.
var errorTexts = []behaviour{
	{"no error holds a secret that the server repeats", needsHTTP | needsSecrets, echoes},
	{"no error holds a secret when there is no connection", needsSecrets, func(x *trial) {
		for _, f := range []func(context.Context) error{refuse, unknownHost, x.network.hang} {
			x.network.set(func() { x.network.fault = f })
			if r := x.write(x.batch(2)); r.err == nil {
				x.errorf("Write returns nil")
			}
		}
	}},
	{"errors are one line of text, whatever the server says", needsHTTP, func(x *trial) {
		for _, body := range []string{
			"two\nlines\r\nand more\u0085\u2028", "\x1b[31mred\x1b[0m\a\b\x00", "Capital\tand tab",
			"\xff\xfe\xfd not UTF-8 \xc3", strings.Repeat("long ", 100_000), strings.Repeat("\n", 1000), strings.Repeat("ü", 5000), "",
		} {
			for _, code := range []int{400, 401, 500} {
				for _, contentType := range []string{"text/plain", "application/json", "application/octet-stream"} {
					x.network.set(func() {
						x.network.handler = func(e *exchange) { e.text(code, http.Header{"Content-Type": {contentType}}, body) }
					})
					x.wantOutcome(x.write(x.batch(1)), x.target.Outcome(code)) // every write looks
				}
			}
		}
	}},
	{"an error says what the status was", needsHTTP, func(x *trial) {
		for _, code := range []int{400, 403, 429, 500, 503} {
			x.network.set(func() { x.network.handler = status(code) })
			if r := x.write(x.batch(1)); r.err == nil || !strings.Contains(r.err.Error(), strconv.Itoa(code)) {
				x.errorf("the error on status %d is %s", code, short(r.err))
			}
		}
	}},
}

// echoes has the server repeat the whole request in every place of an answer.
func echoes(x *trial) {
	repeat := func(e *exchange) string {
		var b strings.Builder
		b.WriteString(e.r.URL.String() + " ")
		for name, values := range e.r.Header {
			b.WriteString(name + "=" + strings.Join(values, ",") + " ")
		}
		b.WriteString(strings.Join(x.target.Secrets, " "))
		return b.String()
	}
	for _, handler := range []func(e *exchange){
		func(e *exchange) { e.text(400, nil, repeat(e)) },
		func(e *exchange) { e.text(401, nil, repeat(e)) },
		func(e *exchange) { e.text(500, nil, repeat(e)) },
		func(e *exchange) {
			e.text(400, http.Header{"Content-Type": {"application/json"}}, `{"message":"`+repeat(e)+`","error":{"type":"t","reason":"`+repeat(e)+`"}}`)
		},
		func(e *exchange) { e.text(200, http.Header{"Content-Type": {"text/html"}}, repeat(e)) },
		func(e *exchange) { e.text(200, http.Header{"Content-Type": {repeat(e)}}, "{}") },
		func(e *exchange) { e.text(302, http.Header{"Location": {"http://elsewhere/?" + repeat(e)}}, "") },
		func(e *exchange) { text := repeat(e); say(e.raw(), text+"\r\n\r\n") },
		func(e *exchange) { text := repeat(e); say(e.raw(), "HTTP/1.1 "+text+"\r\n\r\n") },
		func(e *exchange) {
			text := repeat(e)
			say(e.raw(), "HTTP/1.1 400 "+text+"\r\nContent-Length: 0\r\n\r\n")
		},
		func(e *exchange) { text := repeat(e); say(e.raw(), "HTTP/1.1 200 OK\r\n"+text+"\r\n\r\n") },
		func(e *exchange) {
			text := repeat(e)
			say(e.raw(), "HTTP/1.1 200 OK\r\nContent-Length: "+text+"\r\n\r\n")
		},
	} {
		x.network.set(func() { x.network.handler = handler })
		x.write(x.batch(2)) // every write looks
	}
}

// pings are those of a sink that is a sink.Pinger.
var pings = []behaviour{
	{"Ping succeeds, and sends no record", 0, func(x *trial) {
		x.wantPing(true)
		x.deliver(x.batch(2))
		x.wantPing(true)
		x.wantCount(2)
	}},
	{"Ping fails without a connection", 0, func(x *trial) {
		for _, f := range []func(context.Context) error{refuse, unknownHost, x.network.hang} {
			x.network.set(func() { x.network.fault = f })
			x.wantPing(false)
		}
		x.network.heal()
		x.wantPing(true)
	}},
	{"Ping fails if the server never answers", needsHTTP, func(x *trial) {
		x.network.set(func() { x.network.handler = (*exchange).hang })
		x.wantPing(false)
		x.network.heal()
		x.wantPing(true)
	}},
	{"Ping fails while the server is not well", needsHTTP, func(x *trial) {
		for _, code := range []int{500, 502, 503, 504} {
			x.network.set(func() { x.network.handler = status(code) })
			x.wantPing(false)
		}
	}},
	{"Ping fails after Close", 0, func(x *trial) {
		x.pinger()
		x.close()
		x.wantPing(false)
	}},
}

// pinger returns the sink, or ends the trial if it does not ping.
func (x *trial) pinger() sink.Pinger {
	p, ok := x.sink.(sink.Pinger)
	if !ok {
		x.skip("the sink is no sink.Pinger")
	}
	return p
}

func (x *trial) wantPing(well bool) {
	p := x.pinger()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var err error
	x.within(timeout, "Ping", func() { err = p.Ping(ctx) })
	x.look(err, 0)
	if (err == nil) != well {
		x.errorf("Ping returns %s", short(err))
	}
}
