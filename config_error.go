package fapilog

import (
	"fmt"
	"strings"
)

// ConfigError is what is wrong with a configuration: every mistake in it, not
// only the first. Nothing has been opened or created. A mistake names the sink
// by its place in the list, as "sink 2", or the variable. None holds a secret.
type ConfigError struct {
	Mistakes []error // at least one
}

// Error implements error: one mistake in one line, more of them in a line each.
func (e *ConfigError) Error() string {
	if len(e.Mistakes) == 1 {
		return fmt.Sprintf("fapilog: %v", e.Mistakes[0])
	}
	var b strings.Builder
	fmt.Fprintf(&b, "fapilog: %d mistakes in the configuration", len(e.Mistakes))
	for _, m := range e.Mistakes {
		fmt.Fprintf(&b, "\n\t%v", m)
	}
	return b.String()
}

// Unwrap returns the mistakes.
func (e *ConfigError) Unwrap() []error { return e.Mistakes }

// configError returns the mistakes as an error, or nil if there are none.
func configError(mistakes []error) error {
	if len(mistakes) == 0 {
		return nil
	}
	return &ConfigError{mistakes}
}

// flatten returns the errors that errors.Join has put into err.
func flatten(err error) (errs []error) {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		errs = append(errs, flatten(e)...)
	}
	return errs
}
