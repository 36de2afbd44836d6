// Package reference renders settings as tables: in markdown for the
// documentation, and as text for a terminal. Both come from the flag sets that
// URIs and variables are read with, so that no name, default or meaning is
// written down twice.
package reference

import (
	"flag"
	"maps"
	"slices"
	"strings"

	"github.com/fapilog/fapilog/sink"
)

// Setting is one setting.
type Setting struct {
	Name      string
	Aliases   []string // its other names, sorted
	Default   string   // empty: there is none
	Meaning   string
	Preferred []Preferred // other defaults, sorted
}

// Preferred is a default that some sinks have in place of the general one.
type Preferred struct {
	Default string
	Schemes []string // sorted
}

// Settings returns the settings of fs, sorted by name. An alias, see
// [sink.Alias], stands with the setting that it is a name of.
func Settings(fs *flag.FlagSet) (settings []Setting) {
	aliases := make(map[string][]string)
	fs.VisitAll(func(f *flag.Flag) {
		if name, alias := sink.AliasOf(f); alias {
			aliases[name] = append(aliases[name], f.Name)
		}
	})
	fs.VisitAll(func(f *flag.Flag) {
		if _, alias := sink.AliasOf(f); alias {
			return
		}
		_, meaning := flag.UnquoteUsage(f)
		settings = append(settings, Setting{
			Name: f.Name, Aliases: aliases[f.Name], Default: f.DefValue,
			Meaning: strings.Join(strings.Fields(meaning), " "),
		})
	})
	return settings
}

// Sink is what there is to say of a kind of sink.
type Sink struct {
	Scheme   string
	Summary  string            // empty: there is none
	Module   string            // this project's module that has it, if that is not the root's; else empty
	Example  string            // a URI; empty: there is none
	Settings []Setting         // its own
	Defaults map[string]string // what it prefers for the parameters that every sink has
}

// Of returns what there is to say of a registered scheme.
func Of(scheme string) (s Sink, registered bool) {
	opener, ok := sink.NewOpener(scheme)
	if !ok {
		return Sink{}, false
	}
	fs := flag.NewFlagSet(scheme, flag.ContinueOnError)
	opener.Flags(fs)
	s = Sink{Scheme: scheme, Settings: Settings(fs)}
	if a, ok := opener.(sink.Aliaser); ok {
		s.Settings = append(s.Settings, others(a.Aliases())...)
		slices.SortFunc(s.Settings, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	}
	if d, ok := opener.(sink.Defaulter); ok {
		s.Defaults = d.Defaults()
	}
	if k, ok := known[scheme]; ok {
		s.Summary, s.Example, s.Module = k.summary, k.example, modules[scheme]
	}
	return s, true
}

// others returns the names that a sink has for parameters of every sink: they
// stand with its own.
func others(aliases map[string]string) (settings []Setting) {
	for alias, name := range aliases {
		settings = append(settings, Setting{Name: alias, Meaning: "another name of " + name})
	}
	return settings
}

// All returns what there is to say of these schemes, less those that are not
// registered.
func All(schemes []string) (sinks []Sink) {
	for _, scheme := range schemes {
		if s, ok := Of(scheme); ok {
			sinks = append(sinks, s)
		}
	}
	return sinks
}

// about is what flags cannot tell of a sink.
type about struct{ summary, example string }

// known is what the flags of this project's own sinks cannot tell.
var known = map[string]about{
	"cloudwatch":          {"sends records to Amazon CloudWatch Logs", "cloudwatch://app/web-1?region=eu-central-1"},
	"elasticsearch":       {"sends records to Elasticsearch", "elasticsearch://search:9200?index=logs-%25Y.%25m.%25d"},
	"elasticsearch+https": {"sends records to Elasticsearch over TLS", "elasticsearch+https://search.example.com?api-key-file=/run/secrets/key"},
	"file":                {"appends lines of JSON to a file, and rotates it", "file:///var/log/app.jsonl?max-size=100MiB&max-files=10&compress=gzip"},
	"http":                {"sends records to any server over HTTP", "http://collector:8080/in?body=array&gzip"},
	"https":               {"sends records to any server over HTTP and TLS", "https://logs.example.com/in?bearer-file=/run/secrets/token"},
	"loki":                {"pushes records to Grafana Loki", "loki://loki:3100?labels=app=api,env=prod&label-fields=level"},
	"loki+https":          {"pushes records to Grafana Loki over TLS", "loki+https://logs.example.com?tenant=team-a&labels=app=api"},
	"opensearch":          {"sends records to OpenSearch", "opensearch://search:9200?index=logs"},
	"opensearch+https":    {"sends records to OpenSearch over TLS", "opensearch+https://search.example.com?basic-file=/run/secrets/login"},
	"otlp":                {"sends records to an OpenTelemetry collector", "otlp://collector:4318?resource=service.name=api"},
	"otlp+https":          {"sends records to an OpenTelemetry collector over TLS", "otlp+https://otlp.example.com/v1/logs?resource=service.name=api"},
	"stderr":              {"writes lines to standard error", "stderr://?level=error&format=json"},
	"stdout":              {"writes lines to standard output", "stdout://?format=pretty"},
	"syslog":              {"sends records as syslog messages (RFC 5424)", "syslog://logs:6514?transport=tls&facility=local3"},
}

// modules are those of the sinks that the root's module does not have.
var modules = map[string]string{"cloudwatch": "github.com/fapilog/fapilog/sink/cloudwatch"}

// Absent returns the schemes of this project's own sinks that are not linked
// into this program, sorted. Their settings and defaults are not known.
func Absent() (sinks []Sink) {
	for _, scheme := range slices.Sorted(maps.Keys(known)) {
		if _, linked := sink.NewOpener(scheme); !linked {
			k := known[scheme]
			sinks = append(sinks, Sink{Scheme: scheme, Summary: k.summary, Example: k.example, Module: modules[scheme]})
		}
	}
	return sinks
}

// Prefer returns settings, which every sink has, with the defaults that these
// sinks prefer.
func Prefer(settings []Setting, sinks []Sink) []Setting {
	settings = slices.Clone(settings)
	for i := range settings {
		s := &settings[i]
		schemes := make(map[string][]string) // by default
		for _, k := range sinks {
			if own, ok := k.Defaults[s.Name]; ok && own != s.Default {
				schemes[own] = append(schemes[own], k.Scheme)
			}
		}
		s.Preferred = nil
		for _, own := range slices.Sorted(maps.Keys(schemes)) {
			s.Preferred = append(s.Preferred, Preferred{own, slices.Sorted(slices.Values(schemes[own]))})
		}
	}
	return settings
}

// With returns settings, which every sink has, with the defaults that count for
// this one.
func (s Sink) With(settings []Setting) []Setting {
	settings = slices.Clone(settings)
	for i := range settings {
		if own, ok := s.Defaults[settings[i].Name]; ok {
			settings[i].Default = own
		}
	}
	return settings
}
