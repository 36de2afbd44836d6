// Package sink defines what a destination of log records is, how one is
// registered under a URI scheme, and the types its settings are made of.
//
// A sink makes one attempt to deliver a batch and says how it went. Batching,
// deadlines, retries, backoff, the circuit breaker, quarantine and the ledger
// exist once, above it, in package fapilog. That keeps a sink small: see [Func]
// for the smallest.
package sink

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"time"
)

// ID names a record: the journal that accepted it and its sequence there. It is
// the same in every attempt and for every sink, so a destination that keeps ids
// can recognise a record it already has.
type ID struct {
	Journal [16]byte
	Seq     uint64
}

// String returns the id as 32 and 16 hexadecimal digits joined by a hyphen. Ids
// of one journal sort as text in the order of their sequences.
func (id ID) String() string {
	var b [49]byte
	hex.Encode(b[:32], id.Journal[:])
	b[32] = '-'
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], id.Seq)
	hex.Encode(b[33:], seq[:])
	return string(b[:])
}

// Record is one log record as a sink receives it. Write may read it until it
// returns, and not after: the memory is used again.
type Record struct {
	ID    ID
	Time  time.Time  // when it was logged; the zero Time if the record had none
	Level slog.Level // as logged
	JSON  []byte     // one JSON object with no CR or LF in it
}

// Sink is a destination of log records.
type Sink interface {
	// Write makes one attempt to deliver batch, in order. It returns nil only
	// when the destination has taken responsibility for all of it, and an
	// [*Error] to say more than "try again".
	//
	// It does not retry, buffer or wait out rate limits. The batch is never
	// empty and is not to be changed; ctx always has a deadline, and a Write that
	// outlives it is abandoned: it counts as failed, and no other begins in its
	// place until it has returned. Calls overlap only where the sink is
	// configured with more than one attempt in flight.
	Write(ctx context.Context, batch []Record) error

	// Close releases what the sink holds. It is called once, after the last
	// Write has returned or been abandoned.
	Close() error
}

// Func is a Sink that calls itself. Its Close does nothing.
type Func func(ctx context.Context, batch []Record) error

// Write implements [Sink].
func (f Func) Write(ctx context.Context, batch []Record) error { return f(ctx, batch) }

// Close implements [Sink].
func (f Func) Close() error { return nil }

// Pinger is implemented by a Sink that can find out whether its destination
// answers without sending records to it. A circuit that is open and has no
// records to try closes by it.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Verdict says what is to become of records that were not delivered.
type Verdict int

const (
	// Retry: the same records again, after a backoff. The zero Verdict, and that
	// of every error that is not an *Error.
	Retry Verdict = iota
	// Throttled: again, after [Error.After]; the destination works and asks for
	// patience.
	Throttled
	// TooLarge: in smaller batches; a record that is too large alone is
	// quarantined.
	TooLarge
	// Rejected: never again as it is. The guilty record is searched for when
	// the verdict is on the whole batch, and quarantined.
	Rejected
	// Park: nothing will help but a change of configuration or credentials. The
	// records are kept and the destination is tried once a minute, until it
	// answers otherwise than with a failure.
	Park
	// Gone: the destination has ended for good, as a closed pipe has.
	Gone
	// Postponed: in the next attempt, which is made at once. The record was left out of this
	// one, as a request can hold no more, and does not count as tried. Only for records in
	// [Error.Items], and only where the attempt has settled another record: else it is
	// Retry. If there is no other verdict, the attempt is a success, and After does not count.
	Postponed
)

var verdictNames = [...]string{"retry", "throttled", "too_large", "rejected", "park", "gone", "postponed"}

// String returns the verdict's name in lower_snake_case.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "unknown"
	}
	return verdictNames[v]
}

// Error is what Write returns to say more than "try again". Any other error
// means Retry for the whole batch.
type Error struct {
	Err     error         // what happened, without secrets; may be nil
	Verdict Verdict       // on the whole batch; ignored when Items is not empty
	After   time.Duration // the earliest time from now at which another attempt is of use; 0: unknown
	Items   []ItemError   // records that were not delivered; those not named were
}

// ItemError is the verdict on one record of a batch.
type ItemError struct {
	Index   int // in the batch
	Verdict Verdict
	Err     error
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case len(e.Items) > 0 && e.Items[0].Err != nil:
		return e.Items[0].Err.Error()
	}
	return e.Verdict.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
