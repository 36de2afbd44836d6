package fapilog

import (
	"cmp"
	"errors"
	"flag"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

const masked = "***"

// display returns a URI as it may be printed: without user info, and without
// the values of parameters that are a [sink.Secret]. A ${NAME} in it is printed
// as it stands.
func display(uri string, fs *flag.FlagSet) string {
	p := partsOf(uri)
	place := uri[:p.query]
	if p.host > p.userInfo {
		place = uri[:p.userInfo] + masked + uri[p.host-1:p.query]
	}
	if p.query == len(uri) {
		return place
	}
	pairs := strings.Split(uri[p.query+1:], "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if isSecret(fs, name) {
			pairs[i] = name + "=" + masked
		}
	}
	return place + uri[p.query:p.query+1] + strings.Join(pairs, "&")
}

// isSecret reports whether the parameter, as it stands in a URI, is a
// [sink.Secret].
func isSecret(fs *flag.FlagSet, rawName string) bool {
	name, err := url.PathUnescape(rawName)
	f := fs.Lookup(name)
	if err != nil || f == nil {
		return false
	}
	_, secret := f.Value.(*sink.Secret)
	return secret
}

// secretsOf returns the texts that must not be printed, the longest first: user
// info, the parameters that are a [sink.Secret], and the variables in the URI,
// less those in parameters that every sink has, such as its name.
func secretsOf(uri string, refs []reference, fs *flag.FlagSet) (secrets []string) {
	if p := partsOf(uri); p.host > p.userInfo {
		name, password, _ := strings.Cut(uri[p.userInfo:p.host-1], ":")
		for _, raw := range []string{name, password} {
			decoded, _ := url.PathUnescape(raw)
			secrets = append(secrets, raw, decoded)
		}
	}
	fs.VisitAll(func(f *flag.Flag) {
		if s, ok := f.Value.(*sink.Secret); ok {
			secrets = append(secrets, s.Reveal())
		}
	})
	general := new(flag.FlagSet)
	new(parameters).bind(general)
	for _, ref := range refs {
		if general.Lookup(ref.parameter) == nil {
			secrets = append(secrets, ref.value)
		}
	}
	return longestFirst(secrets)
}

// longestFirst returns the texts once each and without empty ones, in an order
// in which none is replaced in part because of another.
func longestFirst(texts []string) []string {
	slices.SortFunc(texts, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return slices.DeleteFunc(slices.Compact(texts), func(s string) bool { return s == "" })
}

// newMask returns a function that replaces the secrets in a text by "***", as
// they are, percent-encoded and quoted; those of less than 4 bytes only where no
// letter or digit is beside them. It is safe for concurrent use.
func newMask(secrets []string) func(text string) string {
	var masks []func(string) string
	for _, s := range longestFirst(slices.Clone(secrets)) {
		masks = append(masks, sink.Masker("secret://"+escape(s, "")+"@")) // as user info of a URI that is all secret
	}
	return func(text string) string {
		for _, mask := range masks {
			text = mask(text)
		}
		return text
	}
}

// maskError returns err if mask finds nothing in it. Otherwise the result does
// not wrap it, since what it wraps could be printed too.
func maskError(mask func(string) string, err error) error {
	text := err.Error()
	if m := mask(text); m != text {
		return errors.New(m)
	}
	return err
}

// maskRefs returns a function that replaces the values of variables in the text
// of a mistake: also in lower case, as schemes are quoted, and the beginning of
// one where a quotation of 64 characters ends in it.
func maskRefs(refs []reference) func(text string) string {
	var values []string
	for _, r := range refs {
		values = append(values, r.value, strings.ToLower(r.value))
	}
	whole := newMask(values)
	return func(text string) string {
		text = whole(text)
		for _, v := range values {
			for n := min(len(v)-1, 64*utf8.UTFMax); n >= 4; n-- {
				beginning := strconv.Quote(v[:n])[1:]
				text = strings.ReplaceAll(text, beginning, masked+`"`)
			}
		}
		return text
	}
}
