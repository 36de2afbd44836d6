package httppost

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// loadTLS returns the settings of TLS. For an address that is not https they are
// the defaults: a redirect may lead there.
func (c *Config) loadTLS() (*tls.Config, error) {
	config := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.Insecure}
	var errs []error
	if c.CAFile != "" {
		pool, err := loadCA(c.CAFile)
		errs = append(errs, err)
		config.RootCAs = pool
	}
	if c.CertFile != "" {
		key := c.KeyFile
		if key == "" {
			key = c.CertFile
		}
		certificate, err := tls.LoadX509KeyPair(c.CertFile, key)
		if err != nil {
			errs = append(errs, fmt.Errorf("cert-file %s, key-file %s: %w", c.CertFile, key, err))
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return config, nil
}

func loadCA(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca-file %s: no certificate in PEM form in it", path)
	}
	return pool, nil
}

// tlsStamps are those of the files that loadTLS reads.
type tlsStamps [3]stamp

func (c *Config) tlsStamps() tlsStamps {
	return tlsStamps{stampOf(c.CAFile), stampOf(c.CertFile), stampOf(c.KeyFile)}
}

func (s tlsStamps) same(other tlsStamps) bool {
	for i := range s {
		if !s[i].same(other[i]) {
			return false
		}
	}
	return true
}

// refusals are the alerts (RFC 8446, section 6.2) by which a server says that it
// does not accept the client's certificate, or misses one.
var refusals = map[string]bool{
	"tls: bad certificate": true, "tls: unsupported certificate": true, "tls: revoked certificate": true, "tls: expired certificate": true,
	"tls: unknown certificate": true, "tls: unknown certificate authority": true, "tls: access denied": true, "tls: certificate required": true,
}

// isIdentity reports whether err says that one side does not accept who the other
// is, which another attempt will not change.
func isIdentity(err error) bool {
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return true
	}
	// The alerts of package tls have no exported type.
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error" && refusals[remote.Err.Error()]
}
