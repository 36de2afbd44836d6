package life

// Tally is what became of one sink's records.
type Tally struct {
	In          uint64 `json:"in,omitempty"` // diverted here by other sinks; they stand in one of the others as well
	Filtered    uint64 `json:"filtered,omitempty"`
	Delivered   uint64 `json:"delivered,omitempty"`
	Diverted    uint64 `json:"diverted,omitempty"`
	Quarantined uint64 `json:"quarantined,omitempty"`

	// Dropped, by reason.
	Overflow    uint64 `json:"overflow,omitempty"`
	CircuitOpen uint64 `json:"circuit_open,omitempty"`
	Rejected    uint64 `json:"rejected,omitempty"`
	TooLarge    uint64 `json:"too_large,omitempty"`
	Expired     uint64 `json:"expired,omitempty"`
	Corrupt     uint64 `json:"corrupt,omitempty"`
	Gone        uint64 `json:"gone,omitempty"`

	// No records: calls of Write, and those of them that left records.
	Attempts uint64 `json:"attempts,omitempty"`
	Failures uint64 `json:"failures,omitempty"`
}

// tallyWords is the number of counts in a Tally.
const tallyWords = 14

// words returns the counts in the order in which a cursor's slot has them.
func (t *Tally) words() [tallyWords]*uint64 {
	return [...]*uint64{
		&t.In, &t.Filtered, &t.Delivered, &t.Diverted, &t.Quarantined,
		&t.Overflow, &t.CircuitOpen, &t.Rejected, &t.TooLarge, &t.Expired, &t.Corrupt, &t.Gone,
		&t.Attempts, &t.Failures,
	}
}

// Add adds o to t.
func (t *Tally) Add(o Tally) {
	from := o.words()
	for i, n := range t.words() {
		*n += *from[i]
	}
}

// Dropped returns the records that were dropped, for whatever reason.
func (t Tally) Dropped() uint64 {
	return t.Overflow + t.CircuitOpen + t.Rejected + t.TooLarge + t.Expired + t.Corrupt + t.Gone
}

// Appended returns the records of which t says what became, those that were
// diverted here among them.
func (t Tally) Appended() uint64 {
	return t.Filtered + t.Delivered + t.Diverted + t.Quarantined + t.Dropped()
}
