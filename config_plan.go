package fapilog

import (
	"cmp"
	"flag"
	"fmt"
	"slices"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
)

// Plan is what New would open, in a form that may be printed: no secret is in
// it. Its JSON has the fields' names in lower case.
type Plan struct {
	// Settings are those of the pipeline itself, named and written as the
	// variables of [ConfigFromEnv] are, without FAPILOG_: grace, journal (an absolute
	// directory; empty: memory), journal-max-bytes, journal-segment-bytes, level (of a
	// sink that has none of its own), max-record, parallel-writes, redact,
	// redact-except, redact-keys, redact-pattern.
	Settings []Setting `json:"settings"`

	Sinks []SinkPlan `json:"sinks"` // in the order of Routes; those that are disabled are left out
}

// SinkPlan is one sink as New would open it.
type SinkPlan struct {
	Name string `json:"name"`

	// URI is that of the Route as it stands there, with user name, password and
	// other secrets as ***. ${NAME} has not been replaced. Empty for a Route.Sink.
	URI string `json:"uri,omitempty"`

	Scheme   string `json:"scheme,omitempty"`   // of the URI when ${NAME} has been replaced
	Standby  bool   `json:"standby,omitempty"`  // it receives only what others divert to it
	Fallback string `json:"fallback,omitempty"` // the sink that takes its records while its circuit is open; empty: none

	// Settings are the sink's own, then those of its Delivery and from, all layers
	// put together, each group sorted by name. What has no effect on a standby is
	// left out.
	Settings []Setting `json:"settings"`
}

// Setting is one setting and what it is set to. Both texts are as they would
// stand in a URI, but for percent-encoding.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"`   // *** if it is secret, or comes from a ${NAME} that is
	Default string `json:"default"` // what counts where nobody says anything: the sink's preference, or the built-in value
}

// Changed reports whether the setting differs from its default.
func (s Setting) Changed() bool { return s.Value != s.Default }

// Plan validates c and says what [New] would open. It opens and creates nothing; it looks
// whether the journal's directory, if it is there, is fit for this process's user. The
// error is the one that New would return: a [*ConfigError] with all mistakes of the
// configuration, or what is wrong with that directory.
func (c Config) Plan() (*Plan, error) {
	c, routes, err := c.planned()
	if err != nil {
		return nil, err
	}
	if c.Journal.Dir != "" {
		if err := journal.CheckDir(c.Journal.Dir); err != nil {
			return nil, fmt.Errorf("fapilog: %w", err)
		}
	}
	plan := &Plan{Settings: c.settings()}
	for _, r := range c.Routes {
		f := r.form()
		if f.disabled {
			continue
		}
		next := routes[len(plan.Sinks)]
		s := SinkPlan{Name: next.name, URI: f.uri(next.secrets), Standby: next.standby}
		if next.opener != nil {
			s.Scheme = next.scheme
		}
		if next.fallback >= 0 {
			s.Fallback = routes[next.fallback].name
		}
		s.Settings = append(f.settings(next.secrets), c.deliverySettings(next)...)
		plan.Sinks = append(plan.Sinks, s)
	}
	return plan, nil
}

// planned returns c with its defaults, and its sinks that are enabled.
func (c Config) planned() (Config, []route, error) {
	c, err := c.absolute()
	if err != nil {
		return c, nil, err
	}
	routes, err := c.resolve()
	if err != nil {
		return c, nil, err
	}
	return c.withDefaults(), routes, nil
}

// settings returns those of the pipeline itself.
func (c Config) settings() (settings []Setting) {
	unset := c.unset()
	level := c.Level
	if c.Defaults.Level != nil {
		level = c.Defaults.Level
	}
	c.Defaults, unset.Defaults = Delivery{Level: level}, Delivery{Level: unset.Level}
	values, defaults := new(flag.FlagSet), new(flag.FlagSet)
	c.bind(values)
	unset.bind(defaults)
	ofSinks := Parameters()
	values.VisitAll(func(f *flag.Flag) {
		if f.Name == "level" || ofSinks.Lookup(f.Name) == nil {
			settings = append(settings, Setting{f.Name, printable(valueText(f), nil), valueText(defaults.Lookup(f.Name))})
		}
	})
	return settings
}

// unset returns what would count in c's place if nobody had said anything, but
// for the journal's directory and size, and for MaxRecord, where others depend on them.
func (c Config) unset() Config {
	size := journal.Config{Dir: c.Journal.Dir}.WithDefaults().MaxBytes
	d := Config{MaxRecord: c.MaxRecord}
	d.Journal.Dir, d.Journal.MaxBytes = c.Journal.Dir, c.Journal.MaxBytes
	d = d.withDefaults()
	d.Journal.Dir, d.Journal.MaxBytes, d.MaxRecord = "", size, encode.DefaultMaxRecord
	return d
}

// withoutEffectOnStandby are the parameters that only matter for a sink that
// reads the journal; see withoutEffect.
var withoutEffectOnStandby = []string{"block-timeout", "from", "level", "linger", "on-full"}

// deliverySettings returns the settings that every sink has.
func (c Config) deliverySettings(r route) (settings []Setting) {
	own, _ := (&draft{route: r}).ownDefaults() // it has no mistakes: resolve has looked
	values, defaults := new(flag.FlagSet), new(flag.FlagSet)
	(&parameters{from: cmp.Or(r.from, FromOldest), Delivery: r.delivery}).bind(values)
	(&parameters{from: FromOldest, Delivery: c.builtin().with(own).complete()}).bind(defaults)
	values.VisitAll(func(f *flag.Flag) {
		switch {
		case slices.Contains([]string{"name", "standby", "enabled"}, f.Name): // fields of a SinkPlan
		case r.standby && slices.Contains(withoutEffectOnStandby, f.Name):
		default:
			settings = append(settings, Setting{f.Name, printable(valueText(f), r.secrets), valueText(defaults.Lookup(f.Name))})
		}
	})
	return settings
}
