package sink

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Open opens the sink that uri describes, for use without a pipeline: nothing
// batches, retries or bounds its attempts, and the parameters that a pipeline
// gives every sink are unknown. No error holds user info or a [Secret].
func Open(ctx context.Context, uri string) (Sink, error) {
	o, err := Parse(uri, nil)
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	masker := NewMasker(Secrets(uri)...)
	if v, ok := o.(Validator); ok {
		if err := v.Validate(); err != nil {
			return nil, fmt.Errorf("sink: %w", masker.Error(err))
		}
	}
	s, err := o.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("sink: %w", masker.Error(err))
	}
	return s, nil
}

// Parse returns the settings of the sink that uri describes. It opens, creates
// and dials nothing, and does not call Validate.
//
// A URI is scheme://user:password@host/path?parameter=value&…, or a registered
// scheme alone, such as stdout. The parameters are the flags that the [Opener]
// binds and those that bind does, which may be nil. bind may keep the flag set:
// once Parse has returned, its Visit goes through the parameters that the URI
// sets, an alias under the name it stands for.
//
// In names and values %XX is a byte and + is a plus sign, not a space: offsets,
// labels and patterns hold them. A parameter without = is true if it is a
// boolean. Each may stand once; lists are separated by commas.
//
// The error joins all mistakes. It holds neither user info nor a value of a
// [Secret] nor any of the secrets given besides, such as what was filled into
// uri behind its scheme.
func Parse(uri string, bind func(*flag.FlagSet), secrets ...string) (Opener, error) {
	uri = strings.TrimSpace(uri)
	scheme, err := schemeOf(uri)
	if err != nil {
		return nil, err
	}
	o, ok := NewOpener(scheme)
	if !ok {
		return nil, unknownScheme(scheme)
	}
	fs, err := flagSet(scheme, o, bind)
	if err != nil {
		return nil, err
	}

	var errs []error
	if strings.Contains(uri, "#") {
		errs = append(errs, errors.New("# is not allowed; percent-encode it as %23"))
		uri = strings.ReplaceAll(uri, "#", "%23") // to judge the rest as it was meant
	}
	place, query, _ := strings.Cut(uri, "?")
	if strayAt(place, query) {
		// Which part of it is a password cannot be told: nothing more is said.
		return nil, errors.Join(append(errs, errStrayAt)...)
	}
	u, err := parsePlace(scheme, place)
	if err != nil {
		errs = append(errs, err)
	}
	masker := NewMasker(append(secretsOf(uri, fs), secrets...)...)
	q := parameters{scheme: scheme, flags: fs, quotable: !strings.Contains(uri, "@"), masker: masker, given: map[string]string{}}
	if u != nil {
		if err := o.SetURL(u); err != nil {
			errs = append(errs, masker.Error(err))
		}
	}
	for _, err := range q.set(query) {
		errs = append(errs, masker.Error(err))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return o, nil
}

// schemeOf returns the scheme of uri, in lower case; a scheme alone is enough.
func schemeOf(uri string) (string, error) {
	if uri == "" {
		return "", errors.New("empty URI")
	}
	end := schemeEnd(uri)
	scheme := strings.ToLower(uri[:end])
	rest := uri[end:]
	switch {
	case !validScheme(scheme), strings.HasPrefix(rest, "/"), strings.HasPrefix(rest, "@"):
		return "", fmt.Errorf("no scheme; want a URI such as file:/var/log/app.log, or a name: %s", orList(Schemes()))
	case strings.Contains(rest, "@") && !strings.HasPrefix(rest, "://"):
		// It may be user:password@host with the scheme forgotten.
		if _, ok := NewOpener(scheme); !ok {
			return "", errors.New("no scheme; want a URI such as scheme://user:password@host")
		}
	}
	return scheme, nil
}

// schemeEnd returns how long the scheme of uri is, if it begins with one.
func schemeEnd(uri string) int {
	if end := strings.IndexAny(uri, ":/?#@"); end >= 0 {
		return end
	}
	return len(uri)
}

// unknownScheme says which scheme may have been meant, or which package is to be
// imported.
func unknownScheme(scheme string) error {
	if pkg, ok := builtin[scheme]; ok {
		return notLinked(scheme, pkg)
	}
	registered := Schemes()
	known := slices.AppendSeq(slices.Clone(registered), maps.Keys(builtin))
	slices.Sort(known)
	if hint := didYouMean(scheme, known); hint != "" {
		return fmt.Errorf("unknown scheme %.64q%s", scheme, hint)
	}
	return fmt.Errorf("unknown scheme %.64q; registered: %s", scheme, strings.Join(registered, ", "))
}

// flagSet returns the parameters of a URI of this scheme.
func flagSet(scheme string, o Opener, bind func(*flag.FlagSet)) (fs *flag.FlagSet, err error) {
	fs = flag.NewFlagSet(scheme, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("scheme %q: %s", scheme, flagsPanic(p))
		}
	}()
	o.Flags(fs)
	if bind != nil {
		bind(fs)
	}
	if a, ok := o.(Aliaser); ok {
		aliases := a.Aliases()
		for _, alias := range slices.Sorted(maps.Keys(aliases)) {
			if fs.Lookup(aliases[alias]) != nil { // without a pipeline there are none of its parameters
				Alias(fs, alias, aliases[alias])
			}
		}
	}
	return fs, nil
}

// Aliaser is implemented by an [Opener] that has other names for parameters that
// every sink has, such as those that users of a destination expect:
// {"batch_size": "batch-records"}. Names for its own parameters it binds with
// [Alias].
type Aliaser interface {
	Aliases() map[string]string // alias → name
}

// flagsPanic explains a panic of code that binds flags: that of package flag
// when a name is defined twice, or one of its own.
func flagsPanic(p any) string {
	text := fmt.Sprint(p)
	if _, name, ok := strings.Cut(text, "flag redefined: "); ok {
		return fmt.Sprintf("parameter %q is defined twice; a sink may not use a name that every sink has", name)
	}
	return "binding the parameters panicked: " + text
}

var (
	errStrayAt   = errors.New("@ after the host or in a parameter; percent-encode it as %40, and / ? # @ : in user names and passwords")
	errMalformed = errors.New("malformed URI; percent-encode / ? # @ : in user names and passwords")
)

// strayAt reports whether there is an @ where it may belong to a user name or
// password that holds a / or ? and was cut there. A path without a host may hold
// one: file:/var/log/app@1.log.
func strayAt(place, query string) bool {
	if strings.Contains(query, "@") {
		return true
	}
	_, rest, ok := strings.Cut(place, "://")
	if !ok || strings.HasPrefix(rest, "/") {
		return false
	}
	_, path, _ := strings.Cut(rest, "/")
	return strings.Contains(path, "@")
}

// parsePlace parses what stands before the query. Its errors do not quote it:
// url.Parse would, password included.
func parsePlace(scheme, place string) (*url.URL, error) {
	if strings.EqualFold(place, scheme) {
		place += ":"
	}
	u, err := url.Parse(place)
	if err == nil {
		return u, nil
	}
	var escape url.EscapeError
	if errors.As(err, &escape) && !strings.Contains(place, "@") {
		return nil, fmt.Errorf("%w (%v)", errMalformed, escape)
	}
	return nil, errMalformed
}
