package fapilog

import (
	"encoding/json"
	"fmt"
	"math"
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

var reasons = []Reason{DroppedOverflow, DroppedCircuitOpen, DroppedRejected, DroppedTooLarge, DroppedExpired, DroppedCorrupt, DroppedGone}

// Stats is the pipeline's ledger: what was offered to it and what became of
// that, for every sink.
//
// The pipeline's own row is of this process alone, also with a durable journal:
// Offered is the records appended to the journal plus Closed, EncodeFailed and
// Refused, once the calls under way have returned. For every sink, at any moment,
//
//	Appended = Filtered + Delivered + Diverted + Quarantined + Σ Dropped + Pending
//
// With a durable journal a sink's row goes on where earlier processes have left
// it: it counts what they have settled for the sink, and what they have left.
//
// Its JSON has the fields' names in lower_snake_case, durations in seconds.
type Stats struct {
	Offered      uint64 `json:"offered"`       // calls of Handle, LogAttrs and WriteLine, and lines of WriteLines
	Appended     uint64 `json:"appended"`      // accepted by the journal
	Closed       uint64 `json:"closed"`        // came after Close
	EncodeFailed uint64 `json:"encode_failed"` // could not be written as JSON
	Refused      uint64 `json:"refused"`       // logged from inside a sink's Write or a diagnostic
	JournalBytes int64  `json:"journal_bytes"` // held by the journal: memory or, if it is durable, room on disk

	Journal *JournalStats `json:"journal,omitempty"` // nil: the journal is in memory
	Sinks   []SinkStats   `json:"sinks"`             // in the order of the configuration
}

// JournalStats is how a durable journal is doing.
type JournalStats struct {
	Dir    string    `json:"dir"`
	Name   string    `json:"name"`            // of the subdirectory that this process appends to: the journal's id in hexadecimal
	OnDisk bool      `json:"on_disk"`         // what was accepted is on disk; else it is in memory, and lost if the process ends
	Err    string    `json:"error,omitempty"` // why it is not
	Since  time.Time `json:"since,omitzero"`  // when that began, or ended last
	Lives  int       `json:"lives"`           // what earlier processes have left: subdirectories still to be delivered

	// Gone is what this process has dropped of what earlier ones had left for sinks that
	// are configured no more, or are disabled: records, by the sink's name or, without
	// one, scheme and a hash of its place. They count in that sink's row, as
	// DroppedGone, if it is configured again.
	Gone map[string]uint64 `json:"gone,omitempty"`

	Problems []string `json:"problems,omitempty"` // what else is wrong with the directory, or has no room at present
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
	Failures uint64        `json:"failures"` // of these, the ones that left records, other than by sink.Postponed
	Circuit  breaker.State `json:"circuit"`
	Parked   bool          `json:"parked,omitempty"` // see sink.Park
	Gone     bool          `json:"gone,omitempty"`   // see sink.Gone

	LostBefore uint64 `json:"lost_before,omitempty"` // of Quarantined and Dropped together, those that earlier processes have booked

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
// meant for its sink: none dropped, none quarantined, none left, none refused, and
// none gone of what earlier processes have left for sinks that are not there any more.
// What earlier processes have dropped or quarantined is their affair.
func (s Stats) Complete() bool {
	if s.Closed+s.EncodeFailed+s.Refused > 0 {
		return false
	}
	if s.Journal != nil && len(s.Journal.Gone) > 0 {
		return false
	}
	for _, k := range s.Sinks {
		lost := k.Quarantined
		for _, n := range k.Dropped {
			lost += n
		}
		if k.Pending > 0 || lost > k.LostBefore {
			return false
		}
	}
	return true
}
