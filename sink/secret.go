package sink

import (
	"fmt"
	"log/slog"
)

// Secret is a password, token or key. Printed, formatted, marshalled or logged it
// is "***" when it is set and "" when it is not. Only [Secret.Reveal] and a
// conversion to string return what it holds.
//
// Package fmt does not ask a value how to print it in two cases: for %p, which
// go vet reports, and for what it reaches through an unexported field. Do not
// print a struct that keeps a Secret in one.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// Set implements [flag.Value].
func (s *Secret) Set(v string) error {
	*s = Secret(v)
	return nil
}

// String returns "***", or "" for the empty Secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// Format implements [fmt.Formatter]: without it, a verb that is not for strings
// would print the secret in its complaint.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('#') || verb == 'q' {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	fmt.Fprint(f, s.String())
}

// MarshalText implements [encoding.TextMarshaler].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Get implements [flag.Getter]. It returns a Secret.
func (s Secret) Get() any { return s }
