// Package identity is about who is at either end of a TLS connection: the files that
// say so, and the errors of one side that does not accept who the other is.
package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// Files are settings of TLS, as the parameters ca-file, cert-file, key-file,
// server-name and insecure give them.
type Files struct {
	CA         string // PEM file of the authorities to trust; empty: the system's
	Cert, Key  string // PEM files of the client's certificate and key; empty: none, and a Key in Cert
	ServerName string // what the server's certificate is to name; empty: for whoever connects to say
	Insecure   bool   // the server's certificate is not checked
}

// Load reads the files. The error joins all mistakes; it holds nothing that is secret.
func (f Files) Load() (*tls.Config, error) {
	config := &tls.Config{ServerName: f.ServerName, InsecureSkipVerify: f.Insecure}
	var errs []error
	if f.CA != "" {
		pool, err := loadCA(f.CA)
		errs = append(errs, err)
		config.RootCAs = pool
	}
	if f.Cert != "" {
		key := f.Key
		if key == "" {
			key = f.Cert
		}
		certificate, err := tls.LoadX509KeyPair(f.Cert, key)
		if err != nil {
			errs = append(errs, fmt.Errorf("cert-file %s, key-file %s: %w", f.Cert, key, err))
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

// refusals are the alerts (RFC 8446, section 6.2) by which a server says that it
// does not accept the client's certificate, or misses one. Up to TLS 1.2 the latter is
// a handshake_failure (RFC 5246, section 7.4.6). That is also the alert of a server that
// has no cipher, signature or curve in common with the client (section 7.2.2), which is
// for somebody to change as well.
var refusals = []string{
	"tls: bad certificate", "tls: unsupported certificate", "tls: revoked certificate", "tls: expired certificate",
	"tls: unknown certificate", "tls: unknown certificate authority", "tls: access denied", "tls: certificate required",
	"tls: handshake failure",
}

// Refused reports whether err says that one side does not accept who the other is, or
// what it offers, which another attempt will not change. To a sink that means
// [github.com/fapilog/fapilog/sink.Park].
func Refused(err error) bool {
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return true
	}
	for _, refusal := range refusals {
		if IsAlert(err, refusal) {
			return true
		}
	}
	return false
}

// IsAlert reports whether err is an alert of the other side with that text, such as
// "tls: bad certificate". Those of package tls have no exported type.
func IsAlert(err error, text string) bool {
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == text
}
