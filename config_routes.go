package fapilog

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/fapilog/fapilog/sink"
	_ "github.com/fapilog/fapilog/sink/console" // stdout, stderr
	"github.com/fapilog/fapilog/sink/file"
)

// route is one sink, completely configured: what New opens.
type route struct {
	name     string      // unique
	scheme   string      // of the URI, or "sink": what it is called when it has no name
	key      string      // what a durable journal keeps its progress under; unique
	opener   sink.Opener // nil when the sink was given
	sink     sink.Sink   // nil when there is an opener
	standby  bool
	from     From
	filter   func(sink.Record) bool
	delivery Delivery // every field set, but for Fallback and Quarantine where there is none
	fallback int      // index of the route to divert to; -1: none
	secrets  []string // never to be printed
}

// resolve validates c completely, without opening or creating anything. It
// returns the sinks that are enabled, or all mistakes as a *ConfigError.
func (c Config) resolve() ([]route, error) {
	drafts, mistakes := c.drafts()
	mistakes = append(c.check(), mistakes...)
	if len(c.Routes) == 0 {
		mistakes = append(mistakes, errors.New("no sinks; want at least one Route"))
	}
	mistakes = append(mistakes, nameDrafts(drafts)...)
	mistakes = append(mistakes, c.keyDrafts(drafts)...)
	mistakes = append(mistakes, sameSinks(drafts)...)
	mistakes = append(mistakes, divert(drafts, c.Defaults.Fallback)...)
	if err := configError(mistakes); err != nil {
		return nil, err
	}
	return enabled(drafts), nil
}

// draft is a route that is being configured.
type draft struct {
	route
	number   int // place in the list, from 1
	disabled bool
	broken   bool // its mistakes have been told: what depends on it is not judged
	unread   bool // so broken that its name is not known

	place     string // what identifies it when it has no name; empty: nothing does
	inherited bool   // OnOpen comes from Config.Defaults
}

// mistake returns an error that names the sink by its place in the list.
func (d *draft) mistake(format string, args ...any) error {
	return fmt.Errorf("sink %d: %w", d.number, fmt.Errorf(format, args...))
}

// drafts configures each route as far as the others do not matter for it.
func (c Config) drafts() (drafts []*draft, mistakes []error) {
	for i, r := range c.Routes {
		d := &draft{number: i + 1}
		for _, err := range c.configure(d, r) {
			d.broken = true
			if r.ambiguous {
				err = fmt.Errorf("%w; if it belongs to a list in sink %d, write the comma before it as %%2C", err, i)
			}
			mistakes = append(mistakes, d.mistake("%w", err))
		}
		drafts = append(drafts, d)
	}
	return drafts, mistakes
}

// configure fills in d from r. It returns the mistakes in r.
func (c Config) configure(d *draft, r Route) (mistakes []error) {
	p := parameters{name: r.Name, standby: r.Standby, from: r.From, enabled: true}
	d.sink, d.filter, d.fallback, d.scheme = r.Sink, r.Filter, -1, "sink"
	switch {
	case r.URI != "" && r.Sink != nil:
		return []error{errors.New("both a URI and a Sink; want one of them")}
	case r.URI != "":
		mistakes = d.parse(r, &p)
	case r.Sink == nil:
		return []error{errors.New("neither a URI nor a Sink; want one of them")}
	}
	d.name, d.key, d.standby, d.from, d.disabled = p.name, p.name, p.standby, p.from, !p.enabled
	if d.standby && !d.unread {
		mistakes = append(mistakes, withoutEffect(r.Filter != nil, p.from, r.Delivery.with(p.Delivery))...)
	}
	if d.from < 0 || d.from > FromEnd {
		mistakes = append(mistakes, fmt.Errorf("From is %d; want FromOldest or FromEnd", int(d.from)))
	}
	if d.name != "" && !validName.MatchString(d.name) {
		mistakes = append(mistakes, fmt.Errorf("name %s: %w", quote(d.name), errName))
		d.name, d.unread = "", true // it may be a URI: nothing is to quote it
	}
	own, errs := d.ownDefaults()
	mistakes = append(mistakes, errs...)
	mistakes = append(mistakes, r.Delivery.check()...)
	mistakes = append(mistakes, p.check()...)

	d.inherited = r.Delivery.onOpen() == 0 && p.onOpen() == 0
	d.delivery = c.builtin().with(own).with(Delivery{Level: c.Level}).with(c.Defaults).with(r.Delivery).with(p.Delivery).complete()
	if d.delivery.RetryMax < d.delivery.RetryBase && len(mistakes) == 0 {
		mistakes = append(mistakes, fmt.Errorf("retry-max (%v) is less than retry-base (%v)", d.delivery.RetryMax, d.delivery.RetryBase))
	}
	if !d.disabled {
		mistakes = append(mistakes, d.validate(c.quarantine())...)
	}
	return mistakes
}

// parameters are the ones that a URI may have besides those of its sink.
type parameters struct {
	name             string
	standby, enabled bool
	from             From
	Delivery
}

func (p *parameters) bind(fs *flag.FlagSet) {
	fs.Var(nameSetting(&p.name), "name", "the sink's `name` in statistics and events")
	fs.Var(boolSetting(&p.standby), "standby", "receive only what other sinks divert here")
	fs.Var(choiceSetting(&p.from, fromNames), "from", "`where` to begin in a durable journal that does not know this sink: oldest or end")
	fs.Var(boolSetting(&p.enabled), "enabled", "false: leave this sink out")
	p.Delivery.bind(fs)
}

// parse sets d's opener from r's URI, and p from the URI's parameters.
func (d *draft) parse(r Route, p *parameters) (mistakes []error) {
	d.unread = true
	uri, refs, mistakes := expand(strings.TrimSpace(r.URI), r.variable)
	if len(mistakes) > 0 {
		return mistakes
	}
	err := frontMistake(uri, refs)
	if err != nil {
		return []error{err}
	}
	d.scheme = strings.ToLower(schemePrefix.FindString(uri))
	d.secrets = secretsOf(uri, refs)
	d.place = placeOf(uri)
	d.opener, err = sink.Parse(uri, func(fs *flag.FlagSet) {
		p.bind(fs)
		d.unread = false
	}, values(refs)...)
	return flatten(err)
}

// frontMistake reports a scheme that comes from a variable and is unknown: what
// sink.Parse says would quote the beginning of the value.
func frontMistake(uri string, refs []reference) error {
	i := slices.IndexFunc(refs, func(r reference) bool { return r.front })
	if i < 0 {
		return nil
	}
	scheme := strings.ToLower(schemePrefix.FindString(uri))
	if _, registered := sink.NewOpener(scheme); registered {
		return nil
	}
	return fmt.Errorf("${%s} does not begin a URI with a registered scheme: %s", refs[i].name, strings.Join(sink.Schemes(), ", "))
}

// ownDefaults returns the layer that the sink itself prefers.
func (d *draft) ownDefaults() (own Delivery, mistakes []error) {
	var preferred sink.Defaulter
	if d.opener != nil {
		preferred, _ = d.opener.(sink.Defaulter)
	} else {
		preferred, _ = d.sink.(sink.Defaulter)
	}
	if preferred == nil {
		return own, nil
	}
	for _, err := range own.set(preferred.Defaults()) {
		mistakes = append(mistakes, fmt.Errorf("its own defaults: %w", err))
	}
	return own, mistakes
}

// validate reports what is wrong with the places that d names. ours is the
// quarantine that lies in the journal's directory: that is made when the journal
// is opened.
func (d *draft) validate(ours string) (mistakes []error) {
	if d.delivery.Quarantine == ours {
		// nothing to check
	} else if err := checkDirectory(d.delivery.Quarantine); err != nil {
		mistakes = append(mistakes, fmt.Errorf("quarantine: %w", maskedIn(d.delivery.Quarantine).Error(err)))
	}
	v, ok := d.opener.(sink.Validator)
	if !ok {
		return mistakes
	}
	masker := sink.NewMasker(d.secrets...)
	for _, err := range flatten(v.Validate()) {
		mistakes = append(mistakes, masker.Error(err))
	}
	return mistakes
}

// checkDirectory reports why files cannot be created in dir, as far as that can
// be known without creating it.
func checkDirectory(dir string) error {
	if dir == "" {
		return nil
	}
	return (&file.Config{Path: filepath.Join(dir, "x")}).Validate()
}

// sameSinks reports a Sink that several routes have: their deliveries would
// write to it at the same time, and each would close it.
func sameSinks(drafts []*draft) (mistakes []error) {
	for i, d := range drafts {
		for _, earlier := range drafts[:i] {
			if same(d.sink, earlier.sink) {
				mistakes = append(mistakes, d.mistake("is the same Sink as sink %d; want one of its own", earlier.number))
				break
			}
		}
	}
	return mistakes
}

// same reports whether a and b are known to be one sink. Values that cannot be
// compared, such as a sink.Func, are not; nor are those without a state, of which
// two may have one address (Go specification, "Size and alignment guarantees").
func same(a, b sink.Sink) bool {
	v, w := reflect.ValueOf(a), reflect.ValueOf(b)
	if !v.IsValid() || !w.IsValid() || v.Type() != w.Type() || !v.Comparable() || !w.Comparable() {
		return false
	}
	state := v.Type()
	if state.Kind() == reflect.Pointer {
		state = state.Elem()
	}
	return state.Size() > 0 && a == b
}

// nameDrafts names the sinks that have no name, disabled ones too: enabling one
// renames none. It reports names that are given twice.
func nameDrafts(drafts []*draft) (mistakes []error) {
	taken := make(map[string]int)
	for _, d := range drafts {
		if d.name == "" {
			continue
		}
		if first, twice := taken[d.name]; twice {
			mistakes = append(mistakes, d.mistake("name %q is taken by sink %d", d.name, first))
			continue
		}
		taken[d.name] = d.number
	}
	for _, d := range drafts {
		if d.name != "" {
			continue
		}
		d.name = d.scheme
		for n := 2; taken[d.name] != 0; n++ {
			d.name = fmt.Sprintf("%s-%d", d.scheme, n)
		}
		taken[d.name] = d.number
	}
	return mistakes
}

// enabled returns the routes that are enabled.
func enabled(drafts []*draft) []route {
	at := make([]int, len(drafts)) // index of the draft → of the route
	var routes []route
	for i, d := range drafts {
		if !d.disabled {
			at[i] = len(routes)
			routes = append(routes, d.route)
		}
	}
	for i := range routes {
		if f := routes[i].fallback; f >= 0 {
			routes[i].fallback = at[f]
		}
	}
	return routes
}
