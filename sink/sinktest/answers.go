package sinktest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// strangeAnswers are those that a server may well give, and seldom does.
var strangeAnswers = []behaviour{
	{"an answer that takes 9 of 10 seconds counts", needsHTTP, func(x *trial) {
		x.network.set(func() { x.network.handler = func(e *exchange) { time.Sleep(timeout - time.Second); e.pass() } })
		x.deliver(x.batch(3))
	}},
	{"an interim answer is not the answer", needsHTTP, func(x *trial) {
		x.network.set(func() {
			x.network.handler = func(e *exchange) { e.w.WriteHeader(http.StatusEarlyHints); e.pass() }
		})
		x.deliver(x.batch(3))
	}},
	{"an answer by HTTP/1.0 counts", needsHTTP, func(x *trial) {
		x.network.set(func() {
			x.network.handler = func(e *exchange) {
				a := e.real()
				c := e.raw()
				say(c, strings.Replace(a.head(0), "HTTP/1.1", "HTTP/1.0", 1))
				say(c, string(a.body))
				c.Close()
			}
		})
		x.deliver(x.batch(3))
		x.deliver(x.batch(3))
	}},
	{"a server may close the connection after each answer", needsHTTP, func(x *trial) {
		x.network.set(func() {
			x.network.handler = func(e *exchange) { e.w.Header().Set("Connection", "close"); e.pass() }
		})
		for range 5 {
			x.deliver(x.batch(3))
		}
	}},
	{"a connection that was closed while idle costs no attempt", needsHTTP, func(x *trial) {
		for range 3 {
			x.deliver(x.batch(3))
			x.network.server.SetKeepAlivesEnabled(false) // closes those that are idle
			x.network.server.SetKeepAlivesEnabled(true)
			synctest.Wait()
		}
		x.wantCount(9)
	}},
	{"an answer before the end of the request counts", needsHTTP, func(x *trial) {
		x.network.set(func() {
			x.network.handler = func(e *exchange) {
				say(e.raw(), "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			}
		})
		x.wantOutcome(x.write(x.large()), x.target.Outcome(http.StatusRequestEntityTooLarge))
	}},
	{"a redirect to another host is not followed", needsHTTP, redirectAway},
	{"a redirect on the same host is not followed", needsHTTP, func(x *trial) {
		x.deliver(x.batch(1))
		for _, code := range redirects {
			before := len(x.network.posts())
			x.network.set(func() {
				x.network.handler = func(e *exchange) { e.text(code, http.Header{"Location": {"/elsewhere"}}, "moved") }
			})
			x.wantOutcome(x.write(x.batch(2)), x.target.Outcome(code))
			if n := len(x.network.posts()) - before; n != 1 {
				x.errorf("%d requests after a redirect with %d", n, code)
			}
		}
	}},
}

var redirects = []int{301, 302, 303, 307, 308}

func redirectAway(x *trial) {
	for _, code := range redirects {
		x.network.set(func() {
			x.network.handler = func(e *exchange) {
				e.text(code, http.Header{"Location": {"http://elsewhere.example/in"}}, "moved")
			}
		})
		x.wantOutcome(x.write(x.batch(2)), x.target.Outcome(code))
	}
	if slices.ContainsFunc(x.network.addresses(), func(a string) bool { return strings.Contains(a, "elsewhere") }) {
		x.errorf("the host to which a redirect leads was dialled")
	}
}

// verdicts are what answers mean.
var verdicts = []behaviour{
	{"every status has the verdict of the table", needsHTTP, everyStatus},
	{"every answer with status 200 has the verdict of the table", needsHTTP, everyAnswer},
	{"Retry-After is understood", needsHTTP, retryAfter},
	{"Retry-After that makes no sense does no harm", needsHTTP, absurdRetryAfter},
}

func everyStatus(x *trial) {
	for _, code := range statuses() {
		x.answers++
		x.network.set(func() { x.network.handler = statusHandler(code) })
		r := x.write(x.batch(2))
		want := x.target.Outcome(code)
		for i, got := range outcomes(r.err, r.n) {
			if got != want {
				x.errorf("status %d: record %d of %d: the verdict is %s, want %s; the error: %s", code, i, r.n, got, want, short(r.err))
				break
			}
		}
		x.wantNow(r)
	}
	x.network.heal()
	x.deliver(x.batch(2))
}

// statusHandler answers with a status; a success is the server's own but for that.
func statusHandler(code int) func(e *exchange) {
	switch {
	case code/100 == 2:
		return func(e *exchange) {
			a := e.real()
			if a.status/100 == 2 {
				a.status = code
			}
			e.send(a)
		}
	case code < 200:
		return func(e *exchange) {
			e.w.Header().Set("Connection", "close") // there is no end of a body otherwise
			e.text(code, nil, "")
		}
	}
	return status(code)
}

func everyAnswer(x *trial) {
	for _, a := range Answers() {
		x.answers++
		x.network.set(func() { x.network.handler = func(e *exchange) { e.sayAnswer(a) } })
		r := x.write(x.batch(2))
		want := outcomeOfAnswer(x.target.Verdicts(), a)
		for i, got := range outcomes(r.err, r.n) {
			if got != want {
				x.errorf("%s: record %d of %d: the verdict is %s, want %s; the error: %s", a, i, r.n, got, want, short(r.err))
				break
			}
		}
	}
	x.network.heal()
	x.deliver(x.batch(2))
}

// sayAnswer gives the answer a.
func (e *exchange) sayAnswer(a Answer) {
	body := func(contentType, text string) {
		e.text(http.StatusOK, http.Header{"Content-Type": {contentType}}, text)
	}
	switch a {
	case HTMLPage:
		body("text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in.</body></html>\n")
	case NoBody:
		e.read(0)
		e.send(reply{http.StatusOK, http.Header{"Content-Length": {"0"}}, nil})
	case PlainText:
		body("text/plain; charset=utf-8", "OK\n")
	case OtherJSON:
		body("application/json", `{"status":"ok","uptime":17}`)
	case BrokenJSON:
		body("application/json", `{"status":"ok","upt`)
	case OtherType:
		own := e.real().ok()
		own.header.Set("Content-Type", "text/x-unknown")
		e.send(own)
	}
}

// retryAfter tries what RFC 9110, section 10.2.3, allows.
func retryAfter(x *trial) {
	for _, code := range []int{429, 503} {
		for _, seconds := range []int{0, 1, 7, 120} {
			x.retryAfter(code, strconv.Itoa(seconds), time.Duration(seconds)*time.Second)
			at := time.Now().Add(time.Duration(seconds) * time.Second)
			x.retryAfter(code, at.UTC().Format(http.TimeFormat), time.Duration(seconds)*time.Second)
		}
	}
	x.retryAfter(429, time.Now().UTC().Add(time.Minute).Format(time.RFC850), time.Minute)
	x.retryAfter(429, time.Now().UTC().Add(time.Minute).Format(time.ANSIC), time.Minute)
	x.retryAfter(429, "", 0)
}

func (x *trial) retryAfter(code int, value string, want time.Duration) {
	r := x.answered(code, value)
	x.wantOutcome(r, x.target.Outcome(code))
	if got := afterOf(r.err); got != want {
		x.errorf("status %d with Retry-After %q: After is %v, want %v", code, value, got, want)
	}
	x.wantNow(r)
}

// answered makes an attempt that is answered with a status and a Retry-After.
func (x *trial) answered(code int, value string) result {
	h := http.Header{}
	if value != "" {
		h.Set("Retry-After", value)
	}
	x.network.set(func() { x.network.handler = func(e *exchange) { e.text(code, h.Clone(), "later") } })
	return x.write(x.batch(2))
}

// leastCap is what a Retry-After that is too long may mean at least: the pipeline
// waits no longer.
const leastCap = 5 * time.Minute

func absurdRetryAfter(x *trial) {
	past := time.Now().UTC().Add(-time.Hour).Format(http.TimeFormat)
	for _, value := range []string{"-1", "-99999999999999999999", "soon", "1.5", "1e3", "0x10", "7 seconds", "+7, 8", "Mon, 99 Foo 2000 00:00:00 GMT", past} {
		r := x.answered(429, value)
		x.wantOutcome(r, x.target.Outcome(429))
		if got := afterOf(r.err); got < 0 || got > leastCap {
			x.errorf("Retry-After %q: After is %v", value, got)
		}
		x.wantNow(r)
	}
	for _, value := range []string{"31536000", "9223372036", "9223372037", "9223372036854775807", "9223372036854775808", strings.Repeat("9", 400), "Fri, 31 Dec 9999 23:59:59 GMT"} {
		r := x.answered(503, value)
		x.wantOutcome(r, x.target.Outcome(503))
		if got := afterOf(r.err); got != 0 && got < leastCap {
			x.errorf("Retry-After %.40q: After is %v, want 0 or a long time", value, got)
		}
		x.wantNow(r)
	}
}

func afterOf(err error) time.Duration {
	var e *sink.Error
	if errors.As(err, &e) && e != nil {
		return e.After
	}
	return 0
}
