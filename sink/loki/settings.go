package loki

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Limits of Loki, by its defaults:
// https://grafana.com/docs/loki/latest/configure/#limits_config.
const (
	maxLabels        = 15       // max_label_names_per_series
	maxName          = 1024     // max_label_name_length
	maxValue         = 2048     // max_label_value_length
	maxMetadata      = 64 << 10 // max_structured_metadata_size
	maxMetadataNames = 128      // max_structured_metadata_entries_count
)

// minCut is the shortest line that a record can be cut to.
const minCut = 1 << 10

// minSpan is the shortest Config.MaxSpan.
const minSpan = sink.Duration(time.Second)

// Validate implements [sink.Validator]. It returns all mistakes. Files of TLS are
// read, those of credentials are not.
func (c *Config) Validate() error {
	errs := []error{c.Endpoint.Validate(), c.checkNames(), checkTenant(c.Tenant)}
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if c.URL != nil {
		_, err := prefixOf(c.URL)
		errs = append(errs, err)
	}
	report(c.LabelValues < 0, "label-values is %d; want 1 or more", c.LabelValues)
	report(c.LongLines != "" && c.LongLines != Cut && c.LongLines != Quarantine, "long-lines=%.64q; want %s or %s", c.LongLines, Cut, Quarantine)
	report(c.LabelValues != 0 && c.LabelValues != DefaultLabelValues && len(c.LabelFields) == 0, "label-values has no effect without label-fields")
	report(c.MaxSpan != 0 && c.MaxSpan < minSpan, "max-span=%v; want %v or more", c.MaxSpan, minSpan)
	report(c.MaxLine < 0 || c.MaxAge < 0, "max-line and max-age cannot be negative; 0 is no limit")
	report(c.MaxLine > 0 && c.MaxLine < minCut && c.LongLines != Quarantine, "max-line=%v is too short to cut a record to; want %v or more, or long-lines=%s", c.MaxLine, sink.Bytes(minCut), Quarantine)
	report(c.MaxLine == 0 && c.LongLines == Quarantine, "long-lines has no effect without max-line; add max-line=256KiB")
	return errors.Join(errs...)
}

// prefixOf returns u with what stands in its path before /loki/api/v1/push.
func prefixOf(u *url.URL) (*url.URL, error) {
	path := strings.TrimRight(u.EscapedPath(), "/")
	path = strings.TrimRight(strings.TrimSuffix(path, pushPath), "/")
	if strings.Contains(path+"/", "/loki/api/") || strings.HasSuffix(path, "/api/prom/push") {
		return nil, fmt.Errorf("the path is that of another request; leave it out, or give what stands before %s", pushPath)
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, errors.New("the path is not percent-encoded")
	}
	prefix := *u
	prefix.Path, prefix.RawPath = plain, path
	return &prefix, nil
}

// checkTenant reports what Loki does not take as the name of a tenant
// (https://grafana.com/docs/loki/latest/operations/multi-tenancy/).
func checkTenant(tenant string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!-_.*'()"
	if strings.Trim(tenant, allowed) != "" || len(tenant) > 150 || tenant == "." || tenant == ".." {
		return errors.New("tenant: want up to 150 letters, digits and ! - _ . * ' ( )")
	}
	return nil
}

// checkNames reports what is wrong with labels and fields.
func (c *Config) checkNames() error {
	labels, err := c.labels()
	errs := []error{err}
	names := make([]string, 0, len(labels)+len(c.LabelFields))
	for _, l := range labels {
		names = append(names, l.name)
	}
	names = append(names, namesOf(c.LabelFields)...)
	if len(names) > maxLabels {
		errs = append(errs, fmt.Errorf("labels and label-fields make %d labels; Loki takes %d", len(names), maxLabels))
	}
	if slices.Contains(c.LabelFields, "") || slices.Contains(c.MetadataFields, "") {
		errs = append(errs, errors.New("label-fields or metadata-fields has an empty name; leave it out"))
	}
	metadata := namesOf(c.MetadataFields)
	if len(metadata) > maxMetadataNames {
		errs = append(errs, fmt.Errorf("%d metadata-fields; Loki takes %d", len(metadata), maxMetadataNames))
	}
	if n := len(strings.Join(metadata, "")); n > maxMetadata/2 {
		errs = append(errs, fmt.Errorf("the names of metadata-fields have %d bytes; Loki takes %d with their values", n, maxMetadata))
	}
	return errors.Join(append(errs, unique("label", names), unique("metadata field", metadata))...)
}

func unique(what string, names []string) error {
	var errs []error
	seen := make(map[string]bool)
	for _, name := range names {
		if seen[name] {
			errs = append(errs, fmt.Errorf("%s %.64q is given twice, or two names become it where they are made to fit", what, name))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
}

// label is a label of every record.
type label struct{ name, value string }

// labels returns the labels of every record. There is at least one: Loki takes no
// stream without.
func (c *Config) labels() (labels []label, err error) {
	var errs []error
	for _, item := range c.Labels {
		name, value, ok := strings.Cut(item, "=")
		name, value = strings.TrimSpace(name), string(fitValue(nil, []byte(strings.TrimSpace(value))))
		if !ok || name == "" || value == "" {
			errs = append(errs, fmt.Errorf("label %.64q: want name=value", item))
			continue
		}
		labels = append(labels, label{fitName(name), value})
	}
	if len(c.Labels) == 0 {
		program := string(fitValue(nil, []byte(programName())))
		if program == "" {
			return nil, errors.New("no labels, and the program has no name; give labels=name=value")
		}
		labels = []label{{"service_name", program}}
	}
	return labels, errors.Join(errs...)
}

// programName returns the name of the program that runs.
func programName() string {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

func (c *Config) labelValues() int {
	if c.LabelValues == 0 {
		return DefaultLabelValues
	}
	return c.LabelValues
}

// span is Config.MaxSpan as a flag: 0 would be the default.
type span struct{ *sink.Duration }

// Set implements [flag.Value].
func (s span) Set(text string) error {
	var d sink.Duration
	if err := d.Set(text); err != nil {
		return err
	}
	if d < minSpan {
		return fmt.Errorf("want %v or more", minSpan)
	}
	*s.Duration = d
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero span too.
func (s span) String() string {
	if s.Duration == nil {
		return ""
	}
	return s.Duration.String()
}

// count is a number from 1 as a flag.
type count int

// Set implements [flag.Value].
func (c *count) Set(s string) error {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 {
		return errors.New("want a whole number from 1")
	}
	*c = count(n)
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero count too.
func (c *count) String() string { return strconv.Itoa(int(*c)) }

// Get implements [flag.Getter].
func (c *count) Get() any { return int(*c) }
