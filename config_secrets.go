package fapilog

import (
	"flag"
	"fmt"

	"github.com/fapilog/fapilog/sink"
)

// secretsOf returns what must not be printed of a URI into which refs were
// filled: what [sink.Secrets] finds, and the variables, less those in parameters
// that every sink has, such as its name.
func secretsOf(uri string, refs []reference) []string {
	secrets := sink.Secrets(uri)
	general := new(flag.FlagSet)
	new(parameters).bind(general)
	for _, ref := range refs {
		if general.Lookup(ref.parameter) == nil {
			secrets = append(secrets, ref.value)
		}
	}
	return secrets
}

// values returns what was filled in.
func values(refs []reference) (all []string) {
	for _, ref := range refs {
		all = append(all, ref.value)
	}
	return all
}

// quote quotes what may be a URI by mistake, and long.
func quote(value string) string { return fmt.Sprintf("%.64q", maskedIn(value).Text(value)) }

// maskedIn masks the secrets of a value that may be a URI by mistake.
func maskedIn(value string) sink.Masker { return sink.NewMasker(sink.Secrets(value)...) }
