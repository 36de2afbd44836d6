package breaker

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// model is the rules once more, in the plainest form: it keeps every permit it
// ever gave and the log of its terms.
type model struct {
	Config
	state   State
	term    int
	run     int // consecutive failures
	probed  int
	retryAt int
	permits []modelPermit
}

type modelPermit struct {
	term  int
	given bool // back
}

func (m *model) move(to State) string {
	s := fmt.Sprintf("%v to %v after %d", m.state, to, m.run)
	m.state, m.term, m.probed = to, m.term+1, 0
	return s
}

func (m *model) allow(now int) (transition string, ok bool) {
	if m.state == Open {
		if now < m.retryAt {
			return "", false
		}
		transition = m.move(HalfOpen)
	}
	if m.state == HalfOpen {
		out := 0
		for _, p := range m.permits {
			if p.term == m.term && !p.given {
				out++
			}
		}
		if out >= m.Probes {
			return "", false
		}
	}
	m.permits = append(m.permits, modelPermit{term: m.term})
	return transition, true
}

func (m *model) done(i int, o Outcome, now int) string {
	p := &m.permits[i]
	if p.given || p.term != m.term {
		p.given = true
		return ""
	}
	p.given = true
	switch o {
	case Neutral:
		return ""
	case Success:
		m.run = 0
		if m.state == HalfOpen {
			if m.probed++; m.probed == m.Probes {
				return m.move(Closed)
			}
		}
		return ""
	}
	m.run++
	if m.state == HalfOpen || m.run == m.Failures {
		m.retryAt = now + int(m.Recovery/time.Second)
		return m.move(Open)
	}
	return ""
}

func describe(t Transition) string {
	if t.From == t.To {
		return ""
	}
	return fmt.Sprintf("%v to %v after %d", t.From, t.To, t.Failures)
}

// FuzzModel reads its input as a program: each byte takes a permit, gives one
// back, or lets time pass.
func FuzzModel(f *testing.F) {
	f.Add(uint8(1), uint8(1), []byte{0, 1, 0, 1, 200, 0, 9})
	f.Add(uint8(3), uint8(2), []byte("\x00\x00\x00\x00\x05\x09\x0d\x11\xc8\x00\x00\x02\x06\x04\x08"))
	for seed := range 64 {
		program := make([]byte, 400)
		x := uint32(seed)*2654435761 + 1
		for i := range program {
			x = x*1664525 + 1013904223
			program[i] = byte(x >> 24)
		}
		f.Add(uint8(seed), uint8(seed/8), program)
	}
	f.Fuzz(func(t *testing.T, failures, probes uint8, program []byte) {
		c := Config{Failures: int(failures%4) + 1, Probes: int(probes%3) + 1, Recovery: 3 * time.Second}
		b, m := New(c), &model{Config: c}
		var permits []Permit
		now := 0
		for step, op := range program {
			switch {
			case op >= 224:
				now += int(op-224) / 8
			case op%3 == 0 || len(permits) == 0:
				want, wantOK := m.allow(now)
				p, got, ok := b.Allow(at(float64(now)))
				if ok != wantOK || describe(got) != want {
					t.Fatalf("step %d: Allow is %t, %q; the model says %t, %q", step, ok, describe(got), wantOK, want)
				}
				if ok {
					permits = append(permits, p)
				}
			default:
				// Mostly one of the last four, so that terms go on.
				i := len(permits) - 1 - int(op/3)%min(4, len(permits))
				if op%7 == 0 {
					i = int(op/7) % len(permits)
				}
				o := []Outcome{Success, Failure, Failure, Neutral}[op/12%4]
				want := m.done(i, o, now)
				got, changed := b.Done(permits[i], o, at(float64(now)))
				if describe(got) != want || changed != (want != "") {
					t.Fatalf("step %d: %v gives %q (%t); the model says %q", step, o, describe(got), changed, want)
				}
			}
			if b.State() != m.state {
				t.Fatalf("step %d: %v, the model is %v", step, b.State(), m.state)
			}
		}
		if slices.Contains(b.slots, 0) != (len(b.free) > 0) {
			t.Fatalf("slots %v and free ones %v do not agree", b.slots, b.free)
		}
	})
}
