package sinktest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

var errRefused = syscall.ECONNREFUSED

// exchange is a request at the front, to be answered.
type exchange struct {
	n   *network
	w   http.ResponseWriter
	r   *http.Request
	log *request
}

// ServeHTTP implements [http.Handler]: it is the front.
func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exchange{n, w, r, &request{method: r.Method, header: r.Header.Clone()}}
	n.mu.Lock()
	n.requests = append(n.requests, e.log)
	handler := n.handler
	n.mu.Unlock()
	if handler == nil {
		handler = (*exchange).pass
	}
	handler(e)
}

// read reads up to limit bytes of the request's body; 0: all of it.
func (e *exchange) read(limit int64) {
	var from io.Reader = e.r.Body
	if limit > 0 {
		from = io.LimitReader(from, limit)
	}
	body, _ := io.ReadAll(from) // a client that has gone is seen when it is answered
	e.n.set(func() { e.log.body = append(e.log.body, body...) })
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// real returns what the target's server says.
func (e *exchange) real() reply {
	e.read(0)
	back := &http.Transport{DialContext: e.n.back.Dial, DisableCompression: true, DisableKeepAlives: true}
	r, err := http.NewRequestWithContext(e.n.ctx, e.r.Method, "http://"+e.r.Host+e.r.URL.RequestURI(), bytes.NewReader(e.log.body))
	if err != nil {
		panic(err)
	}
	r.Header = e.r.Header.Clone()
	answer, err := back.RoundTrip(r)
	if err != nil {
		return reply{status: http.StatusBadGateway, body: []byte("the target's server does not answer: " + err.Error())}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return reply{status: http.StatusBadGateway, body: []byte("the target's server breaks off: " + err.Error())}
	}
	answer.Header.Del("Connection")
	answer.Header.Del("Content-Length")
	return reply{answer.StatusCode, answer.Header, body}
}

// pass answers what the target's server says.
func (e *exchange) pass() { e.send(e.real()) }

// send answers with a.
func (e *exchange) send(a reply) {
	for name, values := range a.header {
		e.w.Header()[name] = values
	}
	e.w.WriteHeader(a.status)
	_, _ = e.w.Write(a.body) // a client that has gone does not want it
}

// text answers with a status and a text, once the request is read.
func (e *exchange) text(status int, header http.Header, body string) {
	e.read(0)
	if header.Get("Content-Type") == "" {
		e.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	e.send(reply{status, header, []byte(body)})
}

// hang does not answer.
func (e *exchange) hang() {
	<-e.n.ctx.Done()
	panic(http.ErrAbortHandler)
}

// raw returns the connection itself. It is closed when the network is shut.
func (e *exchange) raw() *pipe.Conn {
	c, _, err := e.w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	e.n.set(func() { e.n.hijacked = append(e.n.hijacked, c) })
	return c.(*pipe.Conn)
}

// head returns a's status line and headers, and says that the body has missing bytes
// more than it has.
func (a reply) head(missing int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	a.header.WriteSubset(&b, map[string]bool{"Transfer-Encoding": true})
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(a.body)+missing)
	return b.String()
}

// ok returns a with the status 200, which has a body.
func (a reply) ok() reply {
	if a.status/100 == 2 {
		a.status = http.StatusOK
	}
	return a
}

// say writes text to c. A client that has gone does not hear it.
func say(c net.Conn, text string) { _, _ = io.WriteString(c, text) }

// drip writes text one byte a second, and then filler, until nobody listens.
func drip(c net.Conn, text, filler string) {
	for {
		for i := range len(text) {
			if _, err := c.Write([]byte{text[i]}); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
		text = filler
	}
}

// pour writes filler again and again, up to size bytes or until nobody listens.
func pour(c net.Conn, filler string, size int) {
	block := []byte(strings.Repeat(filler, 1+(16<<10)/len(filler)))
	for size > 0 {
		n, err := c.Write(block)
		if err != nil {
			return
		}
		size -= n
	}
}
