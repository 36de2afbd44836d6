package fapilog

import (
	"time"

	"github.com/fapilog/fapilog/breaker"
)

// EventKind is what an Event tells of.
type EventKind string

const (
	EventCircuit    EventKind = "circuit"     // a breaker changed its state: From, To
	EventFailed     EventKind = "failed"      // an attempt failed: Err; Count records stay
	EventParked     EventKind = "parked"      // the sink needs a change of configuration or credentials: Err
	EventResumed    EventKind = "resumed"     // a parked sink works again: its destination answered, and not with a failure
	EventGone       EventKind = "gone"        // the sink has ended: Err
	EventQuarantine EventKind = "quarantined" // Count records were put aside: Err
	EventDropped    EventKind = "dropped"     // Count records were dropped: Reason, Err
	EventPanic      EventKind = "panic"       // code of the user panicked and was contained: Err
	EventDegraded   EventKind = "degraded"    // the durable journal went on in memory: Err
	EventRestored   EventKind = "restored"    // the durable journal is on disk again, with what it accepted meanwhile
	EventJournal    EventKind = "journal"     // something in the durable journal's directory is damaged, was left alone, or has no room: Err
)

// Event is something that happened in a pipeline, for Config.OnEvent. Events of
// one sink come in the order in which they happened.
type Event struct {
	Time     time.Time
	Kind     EventKind
	Sink     string        // empty: the journal
	From, To breaker.State // EventCircuit
	Reason   Reason        // EventDropped
	Count    uint64        // records concerned
	Err      string        // without secrets; may be empty
	Missed   uint64        // events lost just before this one because OnEvent was too slow
}
