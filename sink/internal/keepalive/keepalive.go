// Package keepalive is about connections that are used for one HTTP/1.1 request after
// another.
package keepalive

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Send makes a request, and a second one if the first met a connection that the server
// had closed meanwhile: servers close idle ones, and that says nothing about the request.
// request returns the same request for a context each time. The response is to be read by
// one goroutine.
func Send(ctx context.Context, t *http.Transport, request func(context.Context) *http.Request) (*http.Response, error) {
	response, again, err := send(ctx, t, request)
	if again {
		t.CloseIdleConnections() // the others are as old, and the next is to be a new one
		response, _, err = send(ctx, t, request)
	}
	if errors.Is(err, errUnasked) {
		err = errUnasked // package http says where it has read it
	}
	return response, err
}

// send makes a request. again says that it has met a connection that was closed.
func send(ctx context.Context, t *http.Transport, request func(context.Context) *http.Request) (response *http.Response, again bool, err error) {
	var reused, answered atomic.Bool
	var given atomic.Pointer[turn]
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			reused.Store(info.Reused)
			given.Store(turnOn(info.Conn))
		},
		GotFirstResponseByte: func() { answered.Store(true) },
		PutIdleConn:          func(err error) { given.Load().end(err) },
	})
	response, err = t.RoundTrip(request(traced))
	if err != nil {
		return nil, reused.Load() && !answered.Load() && ctx.Err() == nil, err
	}
	if response.ContentLength > 0 && response.Body != http.NoBody {
		given.Load().expect(response.ContentLength)
	}
	return response, false, nil
}
