package otlp

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// serviceName is the attribute of a resource that names the service
// (https://opentelemetry.io/docs/specs/semconv/resource/#service).
const serviceName = "service.name"

// Validate implements [sink.Validator]. It returns all mistakes, those of the
// OTEL_ variables too if c.Env is set. Files of TLS are read, those of credentials are not.
func (c *Config) Validate() error {
	full, err := c.full()
	if err := errors.Join(err, full.check()); err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	return nil
}

// check reports what is wrong with the settings.
func (c *Config) check() error {
	errs := []error{c.Endpoint.Validate()}
	if _, ok := c.Resource[""]; ok {
		errs = append(errs, errors.New("resource: an attribute has no name"))
	}
	d := *c
	d.setDefaults()
	if d.TraceField == d.SpanField || d.SpanField == d.FlagsField || d.TraceField == d.FlagsField {
		errs = append(errs, errors.New("trace-field, span-field and flags-field are to name three members"))
	}
	return errors.Join(errs...)
}

// resource returns the attributes of the resource, with a service.name.
func (c *Config) resource() map[string]string {
	attributes := map[string]string{serviceName: unknownService()}
	maps.Copy(attributes, c.Resource)
	return attributes
}

// unknownService returns the name of a service that has none
// (https://opentelemetry.io/docs/specs/semconv/resource/#service).
func unknownService() string {
	const unknown = "unknown_service"
	if len(os.Args) == 0 || os.Args[0] == "" {
		return unknown
	}
	return unknown + ":" + strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// pairs is a setting of keys and values: key=value,key=value. White space around them
// is trimmed, empty items are dropped, and %XX is a byte.
type pairs map[string]string

// Set implements [flag.Value]. It replaces all of them.
func (p *pairs) Set(s string) error {
	parsed, err := parsePairs(s)
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// String implements [flag.Value].
func (p *pairs) String() string {
	if p == nil {
		return ""
	}
	escape := strings.NewReplacer("%", "%25", ",", "%2C", "=", "%3D")
	var items []string
	for _, key := range slices.Sorted(maps.Keys(*p)) {
		items = append(items, escape.Replace(key)+"="+escape.Replace((*p)[key]))
	}
	return strings.Join(items, ",")
}

// Get implements [flag.Getter].
func (p *pairs) Get() any { return map[string]string(*p) }

// parsePairs reads them. The error does not quote values.
func parsePairs(s string) (map[string]string, error) {
	parsed := make(map[string]string)
	var errs []error
	i := 0
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		i++
		key, value, err := parsePair(item)
		if _, again := parsed[key]; again {
			err = errors.New("has a key that is given before")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("item %d %w", i, err))
			continue
		}
		parsed[key] = value
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return parsed, nil
}

func parsePair(item string) (key, value string, err error) {
	key, value, ok := strings.Cut(item, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" {
		return "", "", errors.New("is not key=value; write %2C for a comma in a value")
	}
	for _, part := range []*string{&key, &value} {
		if *part, err = url.PathUnescape(*part); err != nil {
			return "", "", errors.New("has an invalid percent-encoding; a percent sign is %25")
		}
	}
	return key, value, nil
}
