package fapilog

import (
	"fmt"
	"slices"
	"time"
)

// What destinations may rely on.
const (
	longestHold = 5 * time.Minute
	parkedFor   = time.Minute
)

// hold is a destination's wish to be left alone.
type hold struct {
	since int // the place of the answer in the sink's order
	until time.Time
	most  time.Time // when another attempt has to have been made; zero: unknown
	parks bool
}

// holds returns the wishes in the sink's answers that came in time.
func (k *sinkAccount) holds() (holds []hold) {
	for _, w := range k.writes {
		if !w.end.Before(w.deadline) {
			continue
		}
		h := hold{since: w.ended, parks: w.parks}
		switch after := min(w.after, longestHold); {
		case w.parks:
			h.until, h.most = w.end.Add(parkedFor), w.end.Add(parkedFor+parkedFor/10)
		case after > 0:
			h.until = w.end.Add(after)
			if w.throttle { // a failure may open the circuit, and that takes longer
				h.most = w.end.Add(after + after/5)
			}
		default:
			continue
		}
		holds = append(holds, h)
	}
	return holds
}

// checkTimes checks when attempts were made, and what time they were given:
// none before the moment that the destination asked for, the next within the
// tenth or fifth that is added at random, none after Close.
func (a *account) checkTimes(i int) (problems []error) {
	k := &a.sinks[i]
	holds := k.holds()
	for n, w := range k.writes {
		if w.start.After(a.returned) {
			problems = append(problems, fmt.Errorf("attempt %d began after Close had returned", n))
		}
		if w.deadline.After(w.start.Add(k.plan.delivery.Timeout)) || !w.deadline.After(w.start) {
			problems = append(problems, fmt.Errorf("attempt %d has %v, want %v", n, w.deadline.Sub(w.start), k.plan.delivery.Timeout))
		}
		parked := slices.ContainsFunc(holds, func(h hold) bool { return h.parks && h.since < w.began })
		if parked && !w.start.Before(a.called) {
			continue // one more attempt, closing
		}
		for _, h := range holds {
			if h.since < w.began && w.start.Before(h.until) {
				problems = append(problems, fmt.Errorf("attempt %d (%v) began %v too early, parked %t", n, w.fault, h.until.Sub(w.start), h.parks))
			}
		}
	}
	problems = append(problems, a.checkPrompt(k, holds)...)
	return append(problems, a.checkExpiry(i)...)
}

// checkExpiry checks that records are tried for as long as they are to be.
func (a *account) checkExpiry(i int) (problems []error) {
	k := &a.sinks[i]
	retryFor := k.plan.delivery.RetryFor
	if n := k.row.Dropped[DroppedExpired]; n > 0 && (retryFor <= 0 || len(k.writes) == 0 || a.returned.Before(k.writes[0].start.Add(retryFor))) {
		problems = append(problems, fmt.Errorf("%d records expired, and none was tried for %v", n, retryFor))
	}
	if retryFor <= 0 {
		return problems
	}
	first := make(map[logged]time.Time)
	for n, w := range k.writes {
		for _, l := range w.records {
			if first[l].IsZero() {
				first[l] = w.start
			} else if over := w.start.Sub(first[l].Add(retryFor)); over >= 0 && a.arrivals(i, l) == 1 {
				problems = append(problems, fmt.Errorf("attempt %d: %s was tried %v longer than retry-for", n, l.message(), over))
			}
		}
		if w.settled {
			clear(first) // what is left of its batch is as if it had not been tried
		}
	}
	return problems
}

// checkPrompt checks that an attempt is made as soon as the destination allows,
// where nothing else is in its way.
func (a *account) checkPrompt(k *sinkAccount, holds []hold) (problems []error) {
	if a.plan.serial || !k.keeps() || k.plan.delivery.InFlight > 1 {
		return nil
	}
	for _, h := range holds {
		if h.most.IsZero() || !h.most.Before(a.called) {
			continue
		}
		for _, w := range k.writes {
			if w.began < h.since {
				continue
			}
			if w.start.After(h.most) {
				problems = append(problems, fmt.Errorf("the next attempt began %v too late", w.start.Sub(h.most)))
			}
			break
		}
	}
	return problems
}
