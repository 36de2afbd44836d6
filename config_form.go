package fapilog

import (
	"flag"
	"net/url"
	"regexp"
	"strings"

	"github.com/fapilog/fapilog/sink"
)

// form is a Route's URI as it stands in the Route, and what it says.
type form struct {
	item     string
	refs     []reference
	own      []*flag.Flag // the sink's parameters
	disabled bool
}

// form reads r's URI, in which there are no mistakes. For a Sink it is empty.
func (r Route) form() (f form) {
	if r.URI == "" {
		return f
	}
	f.item = strings.TrimSpace(r.URI)
	uri, refs, _ := expand(f.item, r.variable)
	f.refs = refs
	general := parameters{enabled: true}
	_, _ = sink.Parse(uri, func(fs *flag.FlagSet) {
		fs.VisitAll(func(own *flag.Flag) { f.own = append(f.own, own) })
		general.bind(fs)
	})
	f.disabled = !general.enabled
	return f
}

// settings returns the sink's own.
func (f form) settings(secrets []string) (settings []Setting) {
	filled := make(map[string]bool) // parameters in whose values a variable stands
	for _, ref := range f.refs {
		if own := f.parameter(ref.parameter); own != nil {
			filled[own.Name] = true
		}
	}
	for _, own := range f.own {
		if _, alias := sink.AliasOf(own); alias {
			continue
		}
		s := Setting{own.Name, printable(own.Value.String(), secrets), own.DefValue}
		if filled[own.Name] {
			s.Value = masked // also where reading it has changed its form
		}
		settings = append(settings, s)
	}
	return settings
}

// parameter returns the sink's own parameter with a name as it stands in a URI,
// or nil.
func (f form) parameter(raw string) *flag.Flag {
	name, err := url.PathUnescape(raw)
	if err != nil {
		return nil
	}
	for _, own := range f.own {
		if own.Name != name {
			continue
		}
		if target, alias := sink.AliasOf(own); alias {
			return f.parameter(target)
		}
		return own
	}
	return nil
}

// masked is what stands for a secret.
const masked = "***"

// aReference matches a text that is one ${NAME} and nothing else, or empty.
var aReference = regexp.MustCompile(`^(\$\{[A-Za-z_][A-Za-z0-9_]*\})?$`)

// maskedUnlessReference returns what may be printed of a secret as it stands in
// a URI: the name of the variable that it comes from tells nothing.
func maskedUnlessReference(raw string) string {
	if aReference.MatchString(raw) {
		return raw
	}
	return masked
}

// uri returns the URI as it may be printed. Scheme and host are no secrets, even
// if they are the same as one: postgres://postgres:postgres@postgres.
func (f form) uri(secrets []string) string {
	parts := partsOf(referencePattern.ReplaceAllStringFunc(f.item, func(ref string) string {
		return strings.Repeat("x", len(ref)) // so that nothing in it looks like a delimiter
	}))
	var b strings.Builder
	b.WriteString(f.item[:parts.userInfo])
	if user, ok := strings.CutSuffix(f.item[parts.userInfo:parts.host], "@"); ok {
		name, password, both := strings.Cut(user, ":")
		b.WriteString(maskedUnlessReference(name))
		if both {
			b.WriteString(":" + maskedUnlessReference(password))
		}
		b.WriteByte('@')
	}
	b.WriteString(f.item[parts.host:parts.path])
	b.WriteString(printable(f.item[parts.path:parts.query], secrets))
	for i, pair := range strings.Split(f.item[parts.query:], "&") {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(f.pair(pair, secrets))
	}
	return b.String()
}

// pair returns name=value as it may be printed.
func (f form) pair(pair string, secrets []string) string {
	name, value, both := strings.Cut(pair, "=")
	if own := f.parameter(strings.TrimPrefix(name, "?")); own != nil && both {
		if _, secret := own.Value.(*sink.Secret); secret {
			return name + "=" + maskedUnlessReference(value)
		}
	}
	return printable(pair, secrets)
}

// printable masks the secrets in text, and those of a URI that text may be by
// mistake.
func printable(text string, secrets []string) string {
	return sink.NewMasker(append(sink.Secrets(text), secrets...)...).Text(text)
}
