package httppost

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/keepalive"
)

// transport is an http.Transport for some time: connections belong to one, so
// that none is older than it.
type transport struct {
	*http.Transport
	born  time.Time
	tls   *tls.Config
	files tlsStamps // that tls was read from
}

// maxDial bounds a dial, and a handshake with it. Package http lets one go on for
// a request that has ended, and a server may accept and then say nothing.
const maxDial = 30 * time.Second

// maxHeader is how much the header of an answer may have. A server that sends
// more is no one this client speaks to.
const maxHeader = 64 << 10

// transport returns the present one, or a new one if that has reached its age or
// its files have changed. The connections of an old one are closed as soon as
// nothing is under way on them.
func (c *Client) transport() (*transport, error) {
	files := tlsStampsOf(&c.config)
	c.mu.Lock()
	old := c.current
	c.mu.Unlock()
	now := time.Now()
	expired := old != nil && c.config.MaxConnAge > 0 && now.Sub(old.born) >= time.Duration(c.config.MaxConnAge)
	if old != nil && !expired && files.same(old.files) {
		return old, nil
	}
	config, files, err := c.tlsFor(old, files)
	if err != nil {
		return nil, park(err)
	}
	if old != nil && !expired && config == old.tls {
		return old, nil
	}
	return c.replace(old, c.newTransport(now, config, files)), nil
}

// tlsFor returns the settings that the files hold, or what they held before if
// they cannot be read, and the stamps of the files when they held that: so what
// could not be read is read again at the next request.
func (c *Client) tlsFor(old *transport, files tlsStamps) (*tls.Config, tlsStamps, error) {
	if old != nil && files.same(old.files) {
		return old.tls, files, nil
	}
	config, err := c.config.LoadTLS()
	if err != nil && old != nil {
		return old.tls, old.files, nil
	}
	return config, files, err
}

// replace puts next in the place of old, unless somebody else was faster.
func (c *Client) replace(old, next *transport) *transport {
	c.mu.Lock()
	if c.current != old {
		next, old = c.current, nil
	} else {
		c.current = next
	}
	c.mu.Unlock()
	if old != nil {
		old.CloseIdleConnections()
	}
	return next
}

func (c *Client) newTransport(now time.Time, config *tls.Config, files tlsStamps) *transport {
	idle := 90 * time.Second // as in http.DefaultTransport
	if age := time.Duration(c.config.MaxConnAge); age > 0 {
		idle = min(idle, age)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &transport{born: now, tls: config, files: files, Transport: &http.Transport{
		Proxy:                  c.proxy,
		OnProxyConnectResponse: onProxyConnect,
		DialContext:            keepalive.Dialer(c.dial),
		DialTLSContext: keepalive.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			if c.isProxy(address) {
				return c.dialProxy(ctx, network, address)
			}
			return c.dialTLS(ctx, network, address, config)
		}),
		TLSClientConfig:        config, // for servers behind a proxy
		Protocols:              &protocols,
		TLSHandshakeTimeout:    maxDial,
		MaxIdleConnsPerHost:    64, // as many as may be in flight at once
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// dial makes a connection. Package http goes on dialling for a request that has
// ended; what that comes to after Close nobody would close.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := c.config.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	ctx, cancel := context.WithTimeout(ctx, maxDial)
	defer cancel()
	conn, err := dial(ctx, network, address)
	if err == nil && c.ctx.Err() != nil {
		conn.Close()
		return nil, errClosed
	}
	return conn, err
}

// isProxy reports whether address is that of a proxy which is itself spoken to over TLS.
// Package http dials one as it does a server.
func (c *Client) isProxy(address string) bool {
	if c.proxy == nil {
		return false
	}
	target := *c.config.URL
	for _, target.Scheme = range []string{"http", "https"} { // a redirect may lead from one to the other
		proxy, err := c.proxy(&http.Request{URL: &target})
		if err == nil && proxy != nil && proxy.Scheme == "https" && address == net.JoinHostPort(proxy.Hostname(), portOf(proxy)) {
			return true
		}
	}
	return false
}

// dialProxy makes a TLS connection to a proxy. The settings of TLS are about the server:
// a proxy is one that the system trusts, and does not see the client's certificate.
func (c *Client) dialProxy(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dialTLS(ctx, network, address, &tls.Config{})
	if err != nil {
		return nil, fmt.Errorf("the proxy %s: %w", address, err)
	}
	return conn, nil
}

// onProxyConnect judges a proxy's answer to CONNECT. It says nothing about
// records: what [Table] has against them means Retry here.
func onProxyConnect(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	e := Judge(&Response{Status: answer.StatusCode, Header: answer.Header})
	if e == nil {
		return nil
	}
	if e.Verdict != sink.Park && e.Verdict != sink.Throttled {
		e.Verdict = sink.Retry
	}
	e.Err = fmt.Errorf("the proxy refuses to connect: %w", e.Err)
	return e
}
