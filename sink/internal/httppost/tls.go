package httppost

import (
	"crypto/tls"

	"github.com/fapilog/fapilog/sink/internal/identity"
)

// loadTLS returns the settings of TLS. For an address that is not https they are
// the defaults: a redirect may lead there.
func (c *Config) loadTLS() (*tls.Config, error) {
	return identity.Files{CA: c.CAFile, Cert: c.CertFile, Key: c.KeyFile, ServerName: c.ServerName, Insecure: c.Insecure}.Load()
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
