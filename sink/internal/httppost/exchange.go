package httppost

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/fapilog/fapilog/sink/internal/keepalive"
)

// maxRedirects is how many of them are followed.
const maxRedirects = 5

// message is a request as it is sent.
type message struct {
	method string
	target *url.URL
	header http.Header
	body   *lent
	length int
}

func newMessage(r *Request, target *url.URL, header http.Header, body []byte) *message {
	return &message{
		method: cmp.Or(r.Method, http.MethodPost), target: target, header: header,
		body: &lent{body: body}, length: len(body),
	}
}

// request returns m for the transport, to be sent to target.
func (m *message) request(ctx context.Context, target *url.URL) *http.Request {
	r := (&http.Request{
		Method: m.method, URL: target, Host: cmp.Or(m.header.Get("Host"), target.Host), Header: m.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if m.length > 0 {
		r.ContentLength = int64(m.length)
		r.Body = m.body.reader()
		r.GetBody = func() (io.ReadCloser, error) { return m.body.reader(), nil }
	}
	return r
}

// exchange sends m and reads the answer, that of the last host if there were
// redirects to follow.
func (c *Client) exchange(ctx context.Context, m *message) (*Response, error) {
	defer m.body.takeBack()
	t, err := c.transport()
	if err != nil {
		return nil, err
	}
	target := m.target
	for hops := 0; ; hops++ {
		response, err := keepalive.Send(ctx, t.Transport, func(ctx context.Context) *http.Request { return m.request(ctx, target) })
		if err != nil {
			return nil, explain(ctx, err)
		}
		next := c.redirect(target, response)
		if next == nil || hops == maxRedirects {
			return c.read(ctx, response)
		}
		_, _ = c.read(ctx, response) // so that the connection can be used again
		target = next
	}
}

// explain says what the shortest errors of package http mean.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // whatever it has led to
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the connection was closed before an answer")
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/" {
		return errors.New("the server speaks HTTP without TLS on this port")
	}
	return err
}

// redirect returns where response leads if that is to be followed.
func (c *Client) redirect(from *url.URL, response *http.Response) *url.URL {
	if s := response.StatusCode; !c.config.Redirects || s != http.StatusTemporaryRedirect && s != http.StatusPermanentRedirect {
		return nil
	}
	location := response.Header.Get("Location")
	if location == "" {
		return nil
	}
	to, err := from.Parse(location)
	if err != nil || !sameHost(from, to) {
		return nil
	}
	if to.Scheme == from.Scheme {
		to.Host = from.Host // as it is written there, so that the connection is used again
	}
	return to
}

// sameHost reports whether what was meant for one URL may be sent to the other:
// same scheme, host and port, or from http to https on their default ports.
func sameHost(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	a, b := from.Scheme+":"+portOf(from), to.Scheme+":"+portOf(to)
	return a == b || a == "http:80" && b == "https:443"
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// read reads response up to the limit and closes it. A body that is longer, or
// breaks off, closes the connection. A change to another protocol, which nobody has
// asked for, has no body: package http gives the connection itself in its place, which
// no context ends.
func (c *Client) read(ctx context.Context, response *http.Response) (*Response, error) {
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return &Response{Status: response.StatusCode, Header: response.Header}, nil
	}
	limit := int64(c.config.MaxResponse)
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	truncated := int64(len(body)) > limit
	if truncated {
		body = body[:limit]
	}
	if err != nil {
		if response.StatusCode/100 == 2 {
			return nil, explainBody(ctx, err)
		}
		truncated = true // the status says enough
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body, Truncated: truncated}, nil
}

func explainBody(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &brokenAnswer{err}
}

// brokenAnswer is an answer that began well.
type brokenAnswer struct{ err error }

func (e *brokenAnswer) Error() string { return "the answer breaks off: " + e.err.Error() }
func (e *brokenAnswer) Unwrap() error { return e.err }
