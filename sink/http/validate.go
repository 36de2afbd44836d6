package http

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// Validate implements [sink.Validator].
func (c *Config) Validate() error {
	v := *c
	v.setDefaults()
	errs := []error{
		v.Endpoint.Validate(),
		oneOf("body", &v.Body, NDJSON, Array, Wrapped),
		oneOf("method", &v.Method, "POST", "PUT"),
		v.Success.check(),
		checkPing(v.Ping),
		checkSignature(&v),
	}
	return errors.Join(errs...)
}

func oneOf(name string, p *string, allowed ...string) error {
	if err := sink.Enum(p, allowed...).Set(*p); err != nil {
		return fmt.Errorf("%s is %.64q: %w", name, *p, err)
	}
	return nil
}

func checkPing(path string) error {
	if path == "" {
		return nil
	}
	if _, err := url.PathUnescape(path); err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?# ") {
		return errors.New("ping: want a path such as /health, percent-encoded, without ?, # and spaces")
	}
	return nil
}

func checkSignature(c *Config) error {
	var errs []error
	if c.HMACSecret != "" && c.HMACSecretFile != "" {
		errs = append(errs, errors.New("hmac-secret and hmac-secret-file are both given; give one of them"))
	}
	for name, header := range map[string]string{"signature-header": c.SignatureHeader, "timestamp-header": c.TimestampHeader} {
		if err := httppost.CheckHeader(header); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if http.CanonicalHeaderKey(c.SignatureHeader) == http.CanonicalHeaderKey(c.TimestampHeader) {
		errs = append(errs, errors.New("signature-header and timestamp-header are the same; give two"))
	}
	return errors.Join(errs...)
}
