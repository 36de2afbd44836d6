package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/sink"
)

// bound is the value of a flag that names a record or a moment. Zero: it was not
// given.
type bound struct {
	archive.Bound
	text string
}

// Set implements flag.Value.
func (b *bound) Set(s string) error {
	if id, err := archive.ParseID(s); err == nil {
		*b = bound{archive.Bound{ID: &id}, s}
		return nil
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(s)); err == nil {
		*b = bound{archive.Bound{Time: t}, s}
		return nil
	}
	var ago sink.Duration
	if ago.Set(s) != nil || ago < 0 {
		return errors.New("want a time such as 2026-11-22T03:00:00Z, how long ago such as 2h, or a record's id such as 6f0c1fa2b8de4c55a9d03b1e7c42f680-000000000000002a")
	}
	*b = bound{archive.Bound{Time: time.Now().Add(-time.Duration(ago))}, s}
	return nil
}

// before reports whether b is known to be before other: both are moments, or records of
// one life.
func (b bound) before(other bound) bool {
	if b.ID != nil && other.ID != nil {
		return b.ID.Life == other.ID.Life && b.ID.Seq < other.ID.Seq
	}
	return !b.Time.IsZero() && !other.Time.IsZero() && b.Time.Before(other.Time)
}

// String implements flag.Value.
func (b *bound) String() string { return b.text }
