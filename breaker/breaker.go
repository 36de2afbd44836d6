// Package breaker is a circuit breaker as a plain state machine. It has no
// goroutine, no timer and no callback: time is an argument, and a change of
// state is a result.
//
// A circuit is closed until a number of consecutive failures opens it. It stays
// open for the recovery time; the first [Breaker.Allow] after that makes it
// half-open. Half-open it admits a few attempts, the probes: as many consecutive
// successes close it, one failure opens it again for the whole recovery time.
//
// An attempt takes a permit with [Breaker.Allow] and gives it back with
// [Breaker.Done], whatever came of it. A result counts only in the term in which
// its permit was taken, a term being the time between two changes of state: an
// attempt that began before the circuit opened can neither close nor reopen it.
package breaker

import (
	"sync"
	"time"
)

// Permit stands for one attempt that was allowed. It is to be given back with
// Done; a copy is the same permit. The zero Permit is none.
type Permit struct {
	slot   int
	ticket uint64 // unique among the permits of one Breaker; 0 is none
}

// Transition is one change of state.
type Transition struct {
	From, To State
	At       time.Time // the now of the call that made it
	Failures int       // consecutive failures until then, failed probes included
}

// Breaker is one circuit. It is safe for concurrent use.
type Breaker struct {
	config Config // complete and valid; never changes

	mu       sync.Mutex
	state    State
	failures int       // consecutive; goes on over open and half-open, a success ends it
	probed   int       // successes of this half-open term
	retryAt  time.Time // when open

	// The permits of this term that are out. slots[i] is the ticket of the permit
	// in slot i or 0, and then free has i. A new term empties both, which is
	// how the permits of earlier terms become void.
	slots   []uint64
	free    []int
	tickets uint64 // issued so far
}

// New returns a closed circuit. It panics if c is not valid.
func New(c Config) *Breaker {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	return &Breaker{config: c.WithDefaults()}
}

// Allow takes a permit for one attempt at now, or reports that none is to be
// had. When the recovery time of an open circuit has passed it makes the circuit
// half-open and returns that transition along with the first probe's permit; in
// every other case From and To of the transition are equal.
//
// Values of now are compared with each other: take them from one clock, with
// its monotonic reading.
func (b *Breaker) Allow(now time.Time) (Permit, Transition, bool) {
	if b.config.Off {
		return Permit{}, Transition{}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var t Transition
	switch {
	case b.state == Open && now.Before(b.retryAt):
		return Permit{}, Transition{}, false
	case b.state == Open:
		t = b.enter(HalfOpen, now)
	case b.state == HalfOpen && b.out() >= b.config.Probes:
		return Permit{}, Transition{}, false
	}
	return b.take(), t, true
}

// Done gives p back and reports what came of its attempt at now. The transition
// is valid if Done returns true; of many results that would open the circuit one
// does. A permit of an earlier term, one that was given back before, and the
// zero Permit have no effect. An outcome that is none of the constants counts as
// a Failure.
func (b *Breaker) Done(p Permit, o Outcome, now time.Time) (Transition, bool) {
	if b.config.Off {
		return Transition{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.giveBack(p) {
		return Transition{}, false
	}
	switch o {
	case Neutral:
		return Transition{}, false
	case Success:
		return b.succeed(now)
	default:
		return b.fail(now)
	}
}

// State returns the present state. A circuit stays open after its recovery time
// until an Allow.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// RetryAt returns when an open circuit gives its next permit, and the zero Time
// when it is not open.
func (b *Breaker) RetryAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != Open {
		return time.Time{}
	}
	return b.retryAt
}

// The methods below are called with b.mu held.

func (b *Breaker) succeed(now time.Time) (Transition, bool) {
	b.failures = 0
	if b.state != HalfOpen {
		return Transition{}, false
	}
	b.probed++
	if b.probed < b.config.Probes {
		return Transition{}, false
	}
	return b.enter(Closed, now), true
}

func (b *Breaker) fail(now time.Time) (Transition, bool) {
	b.failures++
	if b.state == Closed && b.failures < b.config.Failures {
		return Transition{}, false
	}
	b.retryAt = now.Add(b.config.Recovery)
	return b.enter(Open, now), true
}

// enter begins a new term.
func (b *Breaker) enter(s State, now time.Time) Transition {
	t := Transition{From: b.state, To: s, At: now, Failures: b.failures}
	b.state = s
	b.probed = 0
	b.slots = b.slots[:0]
	b.free = b.free[:0]
	return t
}

// out returns how many permits of this term have not been given back.
func (b *Breaker) out() int { return len(b.slots) - len(b.free) }

func (b *Breaker) take() Permit {
	b.tickets++
	p := Permit{slot: len(b.slots), ticket: b.tickets}
	if n := len(b.free); n > 0 {
		p.slot = b.free[n-1]
		b.free = b.free[:n-1]
		b.slots[p.slot] = p.ticket
		return p
	}
	b.slots = append(b.slots, p.ticket)
	return p
}

func (b *Breaker) giveBack(p Permit) bool {
	if p.ticket == 0 || p.slot >= len(b.slots) || b.slots[p.slot] != p.ticket {
		return false
	}
	b.slots[p.slot] = 0
	b.free = append(b.free, p.slot)
	return true
}
