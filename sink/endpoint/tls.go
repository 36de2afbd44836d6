package endpoint

import (
	"crypto/tls"

	"github.com/fapilog/fapilog/sink/internal/identity"
)

// LoadTLS returns the settings of TLS, with what is in the files now. For an address that
// is not https they are the defaults: a redirect may lead there.
func (c *Config) LoadTLS() (*tls.Config, error) {
	return identity.Files{CA: c.CAFile, Cert: c.CertFile, Key: c.KeyFile, ServerName: c.ServerName, Insecure: c.Insecure}.Load()
}
