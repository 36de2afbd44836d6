package cloudwatch

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/keepalive"
)

const (
	// maxAnswer is how much of an answer is read. Those of CloudWatch Logs have some hundred bytes.
	maxAnswer = 64 << 10

	// contentType is what the type of AWS's own answers begins with.
	contentType = "application/x-amz-json-"

	// maxConnAge is how long connections are used, so that a name that has moved is followed.
	maxConnAge = time.Minute
)

// exchange makes the SDK's requests. It follows no redirect, reads a bounded part of an answer, and lets no answer
// pass that CloudWatch Logs cannot have given.
type exchange struct {
	transport *http.Transport

	mu      sync.Mutex
	renewed time.Time // when the connections were closed last
	closed  bool
}

var errClosed = errors.New("the sink is closed")

// newExchange returns one with the proxy, the certificates and the dialler of settings.
func newExchange(settings aws.Config) *exchange {
	x := &exchange{renewed: time.Now()}
	if client, ok := settings.HTTPClient.(*awshttp.BuildableClient); ok {
		x.transport = client.GetTransport()
	} else {
		x.transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	dial := x.transport.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	x.transport.DialContext = keepalive.Dialer(dial)
	x.transport.DialTLSContext = keepalive.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialTLS(ctx, dial, x.transport, network, address)
	})
	x.transport.Protocols = new(http.Protocols)
	x.transport.Protocols.SetHTTP1(true)
	return x
}

// dialTLS makes a TLS connection with the settings of t, as t does where nobody else makes it:
// then package keepalive would be below TLS, where it hears nothing.
func dialTLS(ctx context.Context, dial keepalive.Dial, t *http.Transport, network, address string) (net.Conn, error) {
	if t.TLSHandshakeTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.TLSHandshakeTimeout)
		defer cancel()
	}
	config := new(tls.Config)
	if t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	config.NextProtos = nil // HTTP/1.1
	secured, err := keepalive.DialTLS(ctx, dial, network, address, config)
	if err != nil {
		return nil, err // and no *tls.Conn that is nil
	}
	return secured, nil
}

// Do implements [aws.HTTPClient].
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	if !x.renew(time.Now()) {
		return nil, errClosed
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	// A server may repeat what it was sent, and package http quote it.
	masker := sink.NewMasker(r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Authorization"))
	response, err := keepalive.Send(r.Context(), x.transport, func(ctx context.Context) *http.Request { return withBody(r.Clone(ctx), body) })
	if err != nil {
		return nil, masker.Error(err)
	}
	if err := checkAnswer(r, response, masker); err != nil {
		return nil, err
	}
	return response, nil
}

// renew has new connections made from time to time; one that is in use remains until the next time. It reports whether there
// may be any.
func (x *exchange) renew(now time.Time) bool {
	x.mu.Lock()
	due := now.Sub(x.renewed) >= maxConnAge
	if due {
		x.renewed = now
	}
	closed := x.closed
	x.mu.Unlock()
	if due {
		x.transport.CloseIdleConnections()
	}
	return !closed
}

func withBody(r *http.Request, body []byte) *http.Request {
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, _ = r.GetBody()
	r.ContentLength = int64(len(body))
	return r
}

// close has all further requests fail. A connection in use is closed when its answer is there.
func (x *exchange) close() {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.transport.CloseIdleConnections()
}

// strangerError is an answer that CloudWatch Logs cannot have given: all of its answers are objects of
// JSON, but for empty ones to requests that have nothing to tell.
type strangerError struct {
	status int
	header http.Header
	text   string
}

func (e *strangerError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", e.status, http.StatusText(e.status))) + ": " + e.text
}

// checkAnswer reads r's answer, puts what it has read in its place, masked, and reports a *strangerError. A change to another
// protocol has no body: package http gives the connection itself in its place, which no context ends.
func checkAnswer(r *http.Request, response *http.Response, masker sink.Masker) error {
	if response.StatusCode == http.StatusSwitchingProtocols {
		_ = response.Body.Close()
		return &strangerError{response.StatusCode, response.Header, "not an answer of CloudWatch Logs"}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	_ = response.Body.Close()
	body = []byte(masker.Text(string(body)))
	strange := func(text string) error { return &strangerError{response.StatusCode, response.Header, text} }
	success, put := response.StatusCode/100 == 2, strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutLogEvents")
	switch {
	case err != nil && success:
		return fmt.Errorf("the answer was cut off: %w", err)
	case len(body) > maxAnswer:
		return strange("the answer is too long to be from CloudWatch Logs")
	case success && len(body) == 0 && !put:
	case !isObject(body), success && put && !strings.HasPrefix(response.Header.Get("Content-Type"), contentType) && !isOutput(body):
		return strange("not an answer of CloudWatch Logs: " + cutText(oneLine(string(body)), 80))
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// isOutput reports whether an object is the answer to PutLogEvents, whatever type is given to it: imitations of CloudWatch Logs
// do not all know the right one.
func isOutput(object []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return false
	}
	_, token := members["nextSequenceToken"]
	_, rejected := members["rejectedLogEventsInfo"]
	return token || rejected
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) && json.Valid(body)
}
