package http

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
	"github.com/fapilog/fapilog/sink/internal/httpheader"
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
		checkUnused(&v),
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
		if err := httpheader.Check(header); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		} else if c.signs() && c.Sends(header) {
			errs = append(errs, fmt.Errorf("%s: requests have the header %s already, which the signature would replace; give another", name, http.CanonicalHeaderKey(header)))
		}
	}
	if http.CanonicalHeaderKey(c.SignatureHeader) == http.CanonicalHeaderKey(c.TimestampHeader) {
		errs = append(errs, errors.New("signature-header and timestamp-header are the same; give two"))
	}
	return errors.Join(errs...)
}

// checkUnused reports settings that mean nothing without another that is missing.
func checkUnused(c *Config) error {
	var errs []error
	if c.Key != defaultKey && c.Body != Wrapped {
		errs = append(errs, errors.New("key is for body=wrapped only; give that, or leave key out"))
	}
	if !c.signs() && (c.SignatureHeader != defaultSignature || c.TimestampHeader != defaultTimestamp) {
		errs = append(errs, errors.New("signature-header and timestamp-header are for signed requests; give hmac-secret or hmac-secret-file with them"))
	}
	level, shortest := cmp.Or(c.GzipLevel, endpoint.DefaultGzipLevel), cmp.Or(c.GzipMin, endpoint.DefaultGzipMin)
	if !c.Gzip && (level != endpoint.DefaultGzipLevel || shortest != endpoint.DefaultGzipMin) {
		errs = append(errs, errors.New("gzip-level and gzip-min are for gzip=true; give that, or leave them out"))
	}
	return errors.Join(errs...)
}

// signs reports whether requests are signed.
func (c *Config) signs() bool { return c.HMACSecret != "" || c.HMACSecretFile != "" }
