package fapilog

import (
	"errors"
	"fmt"
	"strings"
)

// ErrClosed is returned for records that come after Close, and by Flush when
// the pipeline is closed meanwhile. The records are counted.
var ErrClosed = errors.New("fapilog: pipeline is closed")

// ErrReentrant is returned for records logged from inside a sink's Write or
// from a diagnostic, and by Flush and Close called there: a failing sink would
// feed, or wait for, itself. It is recognised by the context.
var ErrReentrant = errors.New("fapilog: called from inside a sink")

// UndeliveredError is what Close and Flush return when records are left.
type UndeliveredError struct {
	Sinks []Undelivered
	Err   error // why nobody waited longer: the context's error, or nil when the sinks had given up

	// Kept is the directory of the durable journal that keeps the records: the next
	// process that opens it delivers them. Empty: nothing keeps them beyond the
	// pipeline.
	Kept string
}

// Undelivered is one sink that has records left.
type Undelivered struct {
	Name      string
	Pending   uint64
	LastError string // without secrets; may be empty
}

// Error implements error.
func (e *UndeliveredError) Error() string {
	var b strings.Builder
	b.WriteString("fapilog: not everything was delivered")
	sep := ": "
	for _, s := range e.Sinks {
		fmt.Fprintf(&b, "%s%s has %d records left", sep, s.Name, s.Pending)
		if s.LastError != "" {
			fmt.Fprintf(&b, " (%s)", s.LastError)
		}
		sep = "; "
	}
	if e.Kept != "" {
		fmt.Fprintf(&b, "; the journal in %s keeps them, and the next process that opens it delivers them", e.Kept)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *UndeliveredError) Unwrap() error { return e.Err }
