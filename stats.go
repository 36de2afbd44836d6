package fapilog

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"github.com/fapilog/fapilog/breaker"
)

// Reason says why a record was dropped. The set is closed.
type Reason string

const (
	DroppedOverflow    Reason = "overflow"     // the journal was full before the sink had read it
	DroppedCircuitOpen Reason = "circuit_open" // the circuit was open and on-open is skip
	DroppedRejected    Reason = "rejected"     // refused by the destination, and not quarantined
	DroppedTooLarge    Reason = "too_large"    // too large for the destination, and not quarantined
	DroppedExpired     Reason = "expired"      // tried for longer than retry-for
	DroppedCorrupt     Reason = "corrupt"      // unreadable in the journal
	DroppedGone        Reason = "gone"         // the sink has ended
)

// Stats is the pipeline's ledger: what was offered to it and what became of
// that, for every sink.
//
// In the pipeline's own row, Offered is the records appended to the journal
// plus Closed, EncodeFailed and Refused, once the calls under way have
// returned. For every sink, at any moment,
//
//	Appended = Filtered + Delivered + Diverted + Quarantined + Σ Dropped + Pending
//
// Its JSON has the fields' names in lower_snake_case, durations in seconds.
type Stats struct {
	Offered      uint64 `json:"offered"`       // calls of Handle and WriteLine
	Appended     uint64 `json:"appended"`      // accepted by the journal
	Closed       uint64 `json:"closed"`        // came after Close
	EncodeFailed uint64 `json:"encode_failed"` // could not be written as JSON
	Refused      uint64 `json:"refused"`       // logged from inside a sink's Write or a diagnostic
	JournalBytes int64  `json:"journal_bytes"` // memory held by the journal

	Sinks []SinkStats `json:"sinks"` // in the order of the configuration
}

// SinkStats is one sink's row of the ledger, and how the sink is doing.
type SinkStats struct {
	Name        string            `json:"name"`
	Appended    uint64            `json:"appended"`          // for this sink: by the journal, or diverted to it
	Filtered    uint64            `json:"filtered"`          // below its level or refused by its filter
	Delivered   uint64            `json:"delivered"`         // the destination took responsibility
	Diverted    uint64            `json:"diverted"`          // settled by its fallback, in whose row they stand as well
	Quarantined uint64            `json:"quarantined"`       // written to the quarantine directory
	Dropped     map[Reason]uint64 `json:"dropped,omitempty"` // by reason; reasons without a record are absent
	Pending     uint64            `json:"pending"`           // none of these yet

	Attempts uint64        `json:"attempts"` // calls of Write that ended or were abandoned, and attempts that failed because an abandoned one had not returned
	Failures uint64        `json:"failures"` // of these, the ones that left records
	Circuit  breaker.State `json:"circuit"`
	Parked   bool          `json:"parked,omitempty"` // see sink.Park
	Gone     bool          `json:"gone,omitempty"`   // see sink.Gone

	PendingBytes  int64         `json:"pending_bytes"`          // what the pending records take in the journal
	OldestPending time.Duration `json:"oldest_pending_seconds"` // about how long ago the oldest of them was appended
	LastSuccess   time.Time     `json:"last_success,omitzero"`
	LastError     string        `json:"last_error,omitempty"` // without secrets
}

// MarshalJSON writes OldestPending in seconds.
func (s SinkStats) MarshalJSON() ([]byte, error) {
	type plain SinkStats // without this method
	return json.Marshal(struct {
		plain
		OldestPending float64 `json:"oldest_pending_seconds"`
	}{plain(s), s.OldestPending.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *SinkStats) UnmarshalJSON(text []byte) error {
	type plain SinkStats // without this method
	read := struct {
		*plain
		OldestPending float64 `json:"oldest_pending_seconds"`
	}{(*plain)(s), s.OldestPending.Seconds()}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	nanoseconds := math.Round(read.OldestPending * 1e9)
	if math.Abs(nanoseconds) >= math.MaxInt64 {
		return fmt.Errorf("fapilog: oldest_pending_seconds is %v: out of range", read.OldestPending)
	}
	s.OldestPending = time.Duration(nanoseconds)
	return nil
}

// Complete reports whether every record was delivered or diverted, or was not
// meant for its sink: none dropped, none quarantined, none left, none refused.
func (s Stats) Complete() bool {
	if s.Closed+s.EncodeFailed+s.Refused > 0 {
		return false
	}
	for _, k := range s.Sinks {
		if k.Pending > 0 || k.Quarantined > 0 || len(k.Dropped) > 0 {
			return false
		}
	}
	return true
}

// ledger counts what became of one sink's records. The delivery writes it,
// anyone may read it.
//
// Its invariant, under mu: next - lost + in = filtered + delivered + diverted +
// quarantined + dropped + held, where dropped is without overflow, which the
// cursor counts.
type ledger struct {
	mu sync.Mutex

	next uint64 // the cursor's position after the last read that is booked here
	lost uint64 // of which the cursor lost by overflow
	in   uint64 // diverted here by other sinks

	filtered, delivered, diverted, quarantined uint64
	dropped                                    map[Reason]uint64
	held                                       uint64 // read, and none of the above yet
	heldBytes                                  int64

	attempts, failures uint64
	lastSuccess        time.Time
	lastError          string
	parked, gone       bool
}

// drop books n held records as dropped for reason. The caller holds mu.
func (l *ledger) drop(reason Reason, n uint64) {
	if n == 0 {
		return
	}
	if l.dropped == nil {
		l.dropped = make(map[Reason]uint64)
	}
	l.dropped[reason] += n
}

// stats returns d's row as of one moment. Safe for concurrent use.
func (d *delivery) stats() SinkStats {
	l := &d.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	s := SinkStats{
		Name:        d.name,
		Filtered:    l.filtered,
		Delivered:   l.delivered,
		Diverted:    l.diverted,
		Quarantined: l.quarantined,
		Dropped:     maps.Clone(l.dropped),
		Attempts:    l.attempts,
		Failures:    l.failures,
		Circuit:     d.breaker.State(),
		Parked:      l.parked,
		Gone:        l.gone,
		LastSuccess: l.lastSuccess,
		LastError:   l.lastError,
	}
	s.Appended, s.Pending, s.PendingBytes = l.in, l.held, l.heldBytes
	if d.cursor == nil { // standby: receives only what is diverted to it
		return s
	}
	// Between a read and its booking the cursor is ahead of l.next. Those
	// records are pending; what the cursor has lost since is overflow already.
	pos := d.cursor.Position()
	s.Appended += pos.End
	s.Pending += pos.End - l.next - (pos.Lost - l.lost)
	s.PendingBytes += pos.UnreadBytes
	if pos.Lost > 0 {
		if s.Dropped == nil {
			s.Dropped = make(map[Reason]uint64)
		}
		s.Dropped[DroppedOverflow] = pos.Lost
	}
	if acked := d.acked.Load(); acked < pos.End {
		s.OldestPending = time.Since(d.pipeline.journal.AppendedAt(acked))
	}
	return s
}
