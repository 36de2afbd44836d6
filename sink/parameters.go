package sink

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// parameters sets flags from the query of a URI.
type parameters struct {
	scheme   string
	flags    *flag.FlagSet
	quotable bool              // what cannot be decoded may be quoted
	masker   Masker            // of what may be quoted
	given    map[string]string // flag, not alias → the name it was given under
}

// set returns the mistakes.
func (p *parameters) set(query string) (errs []error) {
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		if err := p.setOne(pair); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (p *parameters) setOne(pair string) error {
	rawName, rawValue, hasValue := strings.Cut(pair, "=")
	name, err := url.PathUnescape(rawName)
	if err != nil {
		return p.undecodable("the name of a parameter", err, p.quotable)
	}
	f := p.flags.Lookup(name)
	if f == nil {
		return fmt.Errorf("unknown parameter %s of %s%s", p.masker.quote(name), p.scheme, didYouMean(name, p.names()))
	}
	if err := p.once(f); err != nil {
		return err
	}
	if strings.Contains(rawValue, ";") {
		return fmt.Errorf("parameter %q: ; does not separate parameters; write &, or %%3B for a semicolon", name)
	}
	value, err := url.PathUnescape(rawValue)
	if err != nil {
		return p.undecodable(fmt.Sprintf("parameter %q", name), err, p.quotable && !isSecret(f))
	}
	if !hasValue {
		if !isBool(f) {
			return fmt.Errorf("parameter %q: value missing; write %s=…", name, name)
		}
		value = "true"
	}
	if err := p.flags.Set(target(f), value); err != nil {
		return p.malformed(f, value, err)
	}
	return nil
}

// once reports a parameter that was given before, under this or another name.
func (p *parameters) once(f *flag.Flag) error {
	before, again := p.given[target(f)]
	p.given[target(f)] = f.Name
	switch {
	case !again:
		return nil
	case before != f.Name:
		return fmt.Errorf("parameters %q and %q are the same one; give one of them", before, f.Name)
	case isList(f):
		return fmt.Errorf("parameter %q is given twice; separate its items by commas", f.Name)
	}
	return fmt.Errorf("parameter %q is given twice", f.Name)
}

func (p *parameters) undecodable(what string, err error, quote bool) error {
	var escape url.EscapeError
	if quote && errors.As(err, &escape) {
		return fmt.Errorf("%s: %v; a percent sign is %%25", what, escape)
	}
	return fmt.Errorf("%s: invalid percent-encoding; a percent sign is %%25", what)
}

// names returns the names of all parameters.
func (p *parameters) names() (names []string) {
	p.flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// malformed says what is expected instead of value. It is no secret itself:
// whatever a Secret is set to is well-formed.
func (p *parameters) malformed(f *flag.Flag, value string, err error) error {
	want := err.Error()
	if want == "parse error" || want == "value out of range" { // package flag's own
		want = expected(f, want)
	}
	return fmt.Errorf("parameter %q is %s: %s", f.Name, p.masker.quote(value), want)
}

// expected describes the values of package flag's own types.
func expected(f *flag.Flag, otherwise string) string {
	g, ok := f.Value.(flag.Getter)
	if !ok {
		return otherwise
	}
	switch g.Get().(type) {
	case bool:
		return "want true or false"
	case int, int64:
		return "want a whole number"
	case uint, uint64:
		return "want a whole number that is not negative"
	case float64:
		return "want a number"
	case time.Duration:
		return "want a duration such as 250ms, 5s or 1m30s"
	}
	return otherwise
}

// target returns the name of the flag itself, also for an alias.
func target(f *flag.Flag) string {
	if name, ok := AliasOf(f); ok {
		return name
	}
	return f.Name
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func isList(f *flag.Flag) bool {
	_, ok := f.Value.(*List)
	return ok
}

func isSecret(f *flag.Flag) bool {
	_, ok := f.Value.(*Secret)
	return ok
}
