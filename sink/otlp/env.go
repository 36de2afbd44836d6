package otlp

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/fapilog/fapilog/sink/internal/httpheader"
)

// FromEnv returns c with what the OTEL_ variables say where c says nothing; the
// package comment lists them. c.URL is to be set: it decides whether the variables are about
// its server. The error names all variables that are malformed, and does not quote what may be a secret.
func (c Config) FromEnv() (Config, error) {
	full, err := c.withEnv(os.LookupEnv)
	if err != nil {
		return c, fmt.Errorf("otlp: %w", err)
	}
	return full, nil
}

// withEnv does so. It changes nothing that c refers to.
func (c *Config) withEnv(lookup func(string) (string, bool)) (Config, error) {
	e := environment{lookup: lookup}
	full := *c
	full.Resource = e.resource(c.Resource)
	if e.isAbout(c.URL) {
		e.headers(&full)
		e.files(&full)
	}
	return full, errors.Join(e.mistakes...)
}

// environment reads variables.
type environment struct {
	lookup   func(string) (string, bool)
	mistakes []error
}

// get returns the value of a variable; an empty one is as good as none
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
func (e *environment) get(name string) string {
	value, _ := e.lookup(name)
	return strings.TrimSpace(value)
}

// exporter returns that of OTEL_EXPORTER_OTLP_LOGS_… or else OTEL_EXPORTER_OTLP_…, and
// which of them it is.
func (e *environment) exporter(suffix string) (name, value string) {
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_LOGS_", "OTEL_EXPORTER_OTLP_"} {
		name = prefix + suffix
		if value = e.get(name); value != "" {
			break
		}
	}
	return name, value
}

// pairs returns the pairs that a variable holds.
func (e *environment) pairs(name, value string) map[string]string {
	parsed, err := parsePairs(value)
	if err != nil {
		e.mistakes = append(e.mistakes, fmt.Errorf("variable %s: %w", name, err))
	}
	return parsed
}

// resource returns the attributes of the resource; those that are given go first.
func (e *environment) resource(given map[string]string) map[string]string {
	const name = "OTEL_RESOURCE_ATTRIBUTES"
	attributes := maps.Clone(e.pairs(name, e.get(name)))
	if attributes == nil {
		attributes = make(map[string]string)
	}
	if service := e.get("OTEL_SERVICE_NAME"); service != "" {
		attributes[serviceName] = service
	}
	maps.Copy(attributes, given)
	return attributes
}

// isAbout reports whether the variables for exporters are about u's server, or do not say
// whose they are. An endpoint that cannot be read is a mistake if anything depends on it:
// exporters that speak gRPC take it in other forms too.
func (e *environment) isAbout(u *url.URL) bool {
	name, endpoint := e.exporter("ENDPOINT")
	switch {
	case endpoint == "":
		return true
	case u == nil:
		return false
	}
	named, err := url.Parse(endpoint)
	if err != nil || named.Hostname() == "" || named.Scheme != "http" && named.Scheme != "https" {
		if e.concerns(u) {
			e.mistakes = append(e.mistakes, fmt.Errorf("variable %s: want http://host:port or https://host:port, which says whose the headers and certificates of the other variables are; or give env=false", name))
		}
		return false
	}
	return sameServer(named, u)
}

// concerns reports whether a variable is set that counts for u if it is about it.
func (e *environment) concerns(u *url.URL) bool {
	suffixes := []string{"HEADERS"}
	if u.Scheme == "https" {
		suffixes = append(suffixes, "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")
	}
	return slices.ContainsFunc(suffixes, func(suffix string) bool {
		_, value := e.exporter(suffix)
		return value != ""
	})
}

// sameServer reports whether u is where named is and what is meant for it may go there:
// what is meant for https never goes unencrypted. The ports of OTLP over gRPC and over
// HTTP are those of one server.
func sameServer(named, u *url.URL) bool {
	if named.Scheme == "https" && u.Scheme != "https" || !strings.EqualFold(named.Hostname(), u.Hostname()) {
		return false
	}
	from, to := effectivePort(named), effectivePort(u)
	return from == to || from == grpcPort && to == strconv.Itoa(port)
}

// grpcPort is that of OTLP over gRPC:
// https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port.
const grpcPort = "4317"

// effectivePort returns u's port, or that of its scheme.
func effectivePort(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// headers adds those that c does not have.
func (e *environment) headers(c *Config) {
	name, value := e.exporter("HEADERS")
	headers := e.pairs(name, value)
	given := namesOfHeaders(c.Headers.Reveal())
	for _, header := range slices.Sorted(maps.Keys(headers)) {
		if httpheader.Check(header) != nil { // whose text quotes it: it may be a secret without its name
			e.mistakes = append(e.mistakes, fmt.Errorf("variable %s: a name in it cannot be that of a header, or is not to be set; want NAME=VALUE,NAME=VALUE", name))
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(header)
		if given[key] || key == "Authorization" && c.hasCredentials() {
			continue
		}
		c.AddHeader(key, headers[header])
	}
}

// hasCredentials reports whether c has any but those in a header.
func (c *Config) hasCredentials() bool {
	return c.User != "" || c.Password != "" || c.BasicFile != "" || c.BearerToken != "" || c.BearerFile != ""
}

// namesOfHeaders returns the names in a list of headers, which hold no backslash.
func namesOfHeaders(list string) map[string]bool {
	list = strings.NewReplacer(`\\`, "", `\,`, "").Replace(list)
	names := make(map[string]bool)
	for item := range strings.SplitSeq(list, ",") {
		name, _, _ := strings.Cut(item, ":")
		names[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))] = true
	}
	return names
}

// files sets those of TLS that c does not have and has a use for.
func (e *environment) files(c *Config) {
	if c.URL == nil || c.URL.Scheme != "https" {
		return
	}
	if c.CAFile == "" && !c.Insecure {
		_, c.CAFile = e.exporter("CERTIFICATE")
	}
	if c.CertFile == "" && c.KeyFile == "" {
		_, c.CertFile = e.exporter("CLIENT_CERTIFICATE")
		_, c.KeyFile = e.exporter("CLIENT_KEY")
	}
}
