package httppost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/identity"
)

// Client makes requests to one endpoint. It is safe for concurrent use.
type Client struct {
	config     Config
	configured http.Header // Config.Headers
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
	Query          url.Values  // besides Config.Query
	Body           []byte      // not read after Do has returned
	Raw            bool        // never compress
	ContentType    string      // empty: none
	Header         http.Header // those that are configured go before them
	IdempotencyKey string      // sent as Idempotency-Key where not empty

	// Sign is called last, with the bytes that are sent and the headers.
	Sign func(body []byte, h http.Header)
}

var errClosed = fmt.Errorf("the sink is closed: %w", os.ErrClosed)

// New returns a client. sinkName is said to the server in User-Agent. Nothing is
// dialled. The error has all that [Config.Validate] finds.
func (c Config) New(sinkName string) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.GzipLevel = orDefault(c.GzipLevel, DefaultGzipLevel)
	c.GzipMin = orDefault(c.GzipMin, DefaultGzipMin)
	c.MaxConnAge = orDefault(c.MaxConnAge, sink.Duration(DefaultMaxConnAge))
	c.MaxResponse = orDefault(c.MaxResponse, DefaultMaxResponse)
	u := *c.URL
	c.URL = &u // the caller may change its own

	headers, err := parseHeaders(c.Headers)
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
	target, err := c.config.resolve(r)
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
