package syslog

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/fapilog/fapilog/sink/internal/identity"
)

// settleTime is how long a server has to say that it refuses our certificate.
const settleTime = time.Second

// loadTLS reads the files and returns the settings of TLS.
func (c *Config) loadTLS() (*tls.Config, error) {
	files := identity.Files{CA: c.CAFile, Cert: c.CertFile, Key: c.KeyFile, ServerName: c.ServerName, Insecure: c.Insecure}
	if files.ServerName == "" {
		files.ServerName = c.Host
	}
	config, err := files.Load()
	if err != nil {
		return nil, err
	}
	config.ClientSessionCache = forgetful{}
	return config, nil
}

// certificates are what the files held when they could last be read.
type certificates struct {
	last *tls.Config // nil: they could not be read yet
}

// load reads the files. The error is that there is nothing to go by.
func (s *certificates) load(c *Config) error {
	config, err := c.loadTLS()
	if err == nil {
		s.last = config
	}
	if s.last != nil {
		return nil // a file that is being replaced, say
	}
	return err
}

// secure makes c a TLS connection and starts it.
func (c *conn) secure(ctx context.Context, config *tls.Config) error {
	asked := false
	config = config.Clone()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		if len(config.Certificates) > 0 {
			return &config.Certificates[0], nil
		}
		return new(tls.Certificate), nil
	}
	l := &listening{Conn: c.raw, settled: make(chan struct{})}
	secured := tls.Client(l, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		if asked && identity.IsAlert(err, "tls: handshake failure") {
			return fmt.Errorf("the server does not accept the client's certificate: %w", err) // RFC 5246, section 7.4.6
		}
		return err
	}
	c.Conn = secured
	l.armed = true
	c.start()
	if asked && secured.ConnectionState().Version >= tls.VersionTLS13 {
		c.unsettled = l
	}
	return nil
}

// settle finds out whether the server accepts our certificate.
//
// In TLS 1.3 the client may write before the server has looked at it (RFC 8446, section 4.4.4,
// and appendix C.3 on what that means), and what it has written is lost if the server then refuses it. So
// where the server has asked for one, settle waits until the server has sent something that is no
// refusal, the tickets that follow a handshake, or until it has said nothing for a second.
func (c *conn) settle(ctx context.Context) error {
	l := c.unsettled
	if l == nil {
		return nil
	}
	c.unsettled = nil
	limit := time.NewTimer(settleTime)
	defer limit.Stop()
	select {
	case <-l.settled:
	case <-limit.C:
	case <-c.done:
		return judge(c.err)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// listening tells when what came behind the handshake has been read and understood: when
// the next is asked for.
type listening struct {
	net.Conn
	settled chan struct{}

	// Owned by who reads.
	armed bool // the handshake is over
	heard bool // something came since
}

// Read implements [net.Conn].
func (l *listening) Read(p []byte) (int, error) {
	if l.heard {
		l.heard, l.armed = false, false
		close(l.settled)
	}
	n, err := l.Conn.Read(p)
	l.heard = l.heard || l.armed && n > 0
	return n, err
}

// forgetful has servers send tickets, and keeps none.
type forgetful struct{}

// Get implements [tls.ClientSessionCache].
func (forgetful) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements [tls.ClientSessionCache].
func (forgetful) Put(string, *tls.ClientSessionState) {}
