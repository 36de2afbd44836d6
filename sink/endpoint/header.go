package endpoint

import (
	"net/textproto"
	"strings"

	"github.com/fapilog/fapilog/sink/internal/httpheader"
)

// AddHeader appends a header to c.Headers.
func (c *Config) AddHeader(name, value string) {
	item := name + ":" + strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(value)
	if c.Headers != "" {
		item = c.Headers.Reveal() + "," + item
	}
	c.Headers.Set(item)
}

// Sends reports whether requests have a header of this name without a sink's doing:
// one of c.Headers, an Authorization if there are credentials, or one that says
// what a request is about.
func (c *Config) Sends(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Content-Type", "Host", "Idempotency-Key", "User-Agent":
		return true
	case "Authorization":
		if c.User != "" || c.Password != "" || c.BasicFile != "" || c.BearerToken != "" || c.BearerFile != "" {
			return true
		}
	}
	headers, _ := httpheader.Parse(c.Headers)
	return headers.Values(name) != nil
}
