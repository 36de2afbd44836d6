package breaker

import (
	"fmt"
	"slices"
)

// State is the state of a circuit. The values are those of metrics: the higher,
// the worse.
type State int

const (
	Closed   State = 0 // attempts are made; the zero State
	HalfOpen State = 1 // a few attempts find out whether the circuit can close
	Open     State = 2 // no attempt is made
)

var stateNames = [...]string{Closed: "closed", HalfOpen: "half-open", Open: "open"}

// String returns closed, half-open or open.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// MarshalText implements [encoding.TextMarshaler] with the name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: it reads the name of one
// of the constants.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("breaker: unknown state %.64q", text)
	}
	*s = State(i)
	return nil
}

// Outcome is what came of an attempt. The zero Outcome is none of the constants,
// so that a forgotten one does not pass for a success.
type Outcome int

const (
	Success Outcome = iota + 1 // the destination did its part
	Failure                    // it did not
	Neutral                    // the attempt says nothing about it; the permit is given back, no more
)

var outcomeNames = [...]string{Success: "success", Failure: "failure", Neutral: "neutral"}

// String returns success, failure or neutral.
func (o Outcome) String() string {
	if o < Success || int(o) >= len(outcomeNames) {
		return "unknown"
	}
	return outcomeNames[o]
}
