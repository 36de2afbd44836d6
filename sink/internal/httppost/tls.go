package httppost

import "github.com/fapilog/fapilog/sink/endpoint"

// tlsStamps are those of the files that [endpoint.Config.LoadTLS] reads.
type tlsStamps [3]stamp

func tlsStampsOf(c *endpoint.Config) tlsStamps {
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
