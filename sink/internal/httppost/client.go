// Package httppost is the client that all sinks over HTTP share: addresses,
// credentials, compression, TLS, proxies, the age of connections, answers and
// what they mean.
//
// A [Client] makes one attempt for each call and never waits; all it does twice is
// what met a connection that the server had closed before, see [Client.Do]. All
// of an attempt (the name look-up, the connection, the request, the whole answer)
// is bounded by its context. It speaks HTTP/1.1 only: an attempt that ends at
// its deadline then closes its connection, so that the next one looks the name up
// again, and no dead connection is shared.
//
// # Secrets
//
// Secrets are user info, passwords, tokens, the contents of credential files, the
// values of configured headers and the parameters of the endpoint. No error of
// this package holds one, nor a path of a URL, and [Response.Excerpt], which quotes
// what a server says, masks them.
package httppost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
	"github.com/fapilog/fapilog/sink/internal/httpheader"
	"github.com/fapilog/fapilog/sink/internal/identity"
)

// Client makes requests to one endpoint. It is safe for concurrent use.
type Client struct {
	config     endpoint.Config
	configured http.Header // its Headers
	agent      string
	basic      *SecretFile // nil: none
	bearer     *SecretFile // nil: none
	compressor *compressor
	proxy      func(*http.Request) (*url.URL, error) // nil: none

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu      sync.Mutex // never held during I/O
	current *transport // nil: before the first request
}

// Request is one request.
type Request struct {
	Method         string      // empty: POST
	Path           string      // appended to the URL's path: "" or "/x", percent-encoded
	Root           bool        // Path stands for the URL's path, and is not appended to it
	Query          url.Values  // besides the endpoint's
	Body           []byte      // not read after Do has returned
	Raw            bool        // never compress
	ContentType    string      // empty: none
	Header         http.Header // those that are configured go before them
	IdempotencyKey string      // sent as Idempotency-Key where not empty

	// Sign is called last, with the bytes that are sent and the headers.
	Sign func(body []byte, h http.Header)
}

var errClosed = fmt.Errorf("the sink is closed: %w", os.ErrClosed)

// New returns a client of the server that c describes. sinkName is said to it in User-Agent.
// Nothing is dialled. The error has all that [endpoint.Config.Validate] finds.
func New(c endpoint.Config, sinkName string) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	u := *c.URL
	c.URL = &u // the caller may change its own

	headers, err := httpheader.Parse(c.Headers)
	if err != nil {
		return nil, err
	}
	client := &Client{config: c, configured: headers, agent: userAgent(sinkName), compressor: &compressor{level: c.GzipLevel}}
	if c.BasicFile != "" {
		client.basic = NewSecretFile(c.BasicFile)
	}
	if c.BearerFile != "" {
		client.bearer = NewSecretFile(c.BearerFile)
	}
	if c.Dial == nil {
		client.proxy = http.ProxyFromEnvironment
	}
	client.ctx, client.stop = context.WithCancel(context.Background())
	return client, nil
}

// Do makes one request. A response is no error, whatever its status: see [Judge].
//
// An error is a [*sink.Error] with the verdict [sink.Park] if credentials cannot
// be read, or if one side does not accept the identity of the other (TLS), or if
// the proxy refuses by a status that [Table] parks; otherwise a plain one, which
// means Retry. So is a response with a status of success that breaks off before
// its end.
//
// A connection that was used before and is closed by the server before the first
// byte of an answer says nothing about the request: servers close idle ones. The
// request is then made again at once on a new one.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	response, err := c.do(ctx, &r)
	if err != nil && c.ctx.Err() != nil {
		return nil, errClosed
	}
	return response, err
}

func (c *Client) do(ctx context.Context, r *Request) (*Response, error) {
	if c.ctx.Err() != nil {
		return nil, errClosed
	}
	target, err := resolve(&c.config, r)
	if err != nil {
		return nil, err
	}
	header, secrets, err := c.header(r)
	if err != nil {
		return nil, err
	}
	body := r.Body
	if c.compresses(r) {
		z, err := c.compressor.compress(body)
		if err != nil {
			return nil, err
		}
		defer c.compressor.release(z)
		body = z.body.Bytes()
		header.Set("Content-Encoding", "gzip")
	}
	if r.Sign != nil {
		r.Sign(body, header)
	}
	response, err := c.exchange(ctx, newMessage(r, target, header, body))
	if err != nil {
		return nil, c.classify(err, secrets)
	}
	response.mask = func(text string) string { return sink.NewMasker(secrets...).Text(text) }
	if s := response.Status; s == http.StatusUnauthorized || s == http.StatusForbidden {
		c.forget()
	}
	return response, nil
}

// compresses reports whether r's body is sent compressed.
func (c *Client) compresses(r *Request) bool {
	return c.config.Gzip && !r.Raw && len(r.Body) > 0 && len(r.Body) >= int(c.config.GzipMin)
}

// classify returns err as Do does.
func (c *Client) classify(err error, secrets []string) error {
	var judged *sink.Error
	if errors.As(err, &judged) {
		return judged
	}
	refused, unconnected := identity.Refused(err), isDial(err) // told from what tidy may replace
	err = fmt.Errorf("no answer from %s: %w", c.config.URL.Host, tidy(err, secrets))
	switch {
	case refused:
		return park(err)
	case unconnected:
		return unconnectedError{err}
	}
	return err
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// unconnectedError is an error of Do for which Unconnected is true.
type unconnectedError struct{ error }

func (e unconnectedError) Unwrap() error { return e.error }

// Unconnected reports whether err, which is of Do, says that there was no
// connection, so that nothing was sent.
func Unconnected(err error) bool {
	var e unconnectedError
	return errors.As(err, &e)
}

// tidy returns err if its text can be printed as it is, and otherwise an error
// that can: package http quotes what servers send.
func tidy(err error, secrets []string) error {
	text := oneLine(sink.NewMasker(secrets...).Text(err.Error()))
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// Close ends requests under way and closes the connections. A Do that comes after
// it is an error.
func (c *Client) Close() {
	c.stop()
	c.mu.Lock()
	current := c.current
	c.mu.Unlock()
	if current != nil {
		current.CloseIdleConnections()
	}
}

// resolve returns the URL of a request to c.
func resolve(c *endpoint.Config, r *Request) (*url.URL, error) {
	u := *c.URL
	if r.Path != "" {
		raw := r.Path
		if !r.Root {
			raw = strings.TrimSuffix(u.EscapedPath(), "/") + raw
		}
		path, err := url.PathUnescape(raw)
		if err != nil {
			return nil, errors.New("the path of the request is not percent-encoded")
		}
		u.Path, u.RawPath = path, raw
	}
	u.RawQuery = strings.Trim(c.Query+"&"+r.Query.Encode(), "&")
	return &u, nil
}

// park returns err as one that only a change of configuration or credentials
// will cure.
func park(err error) *sink.Error { return &sink.Error{Err: err, Verdict: sink.Park} }
