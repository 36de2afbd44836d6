package fapilog

import (
	"fmt"
	"slices"
	"time"
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
		switch after := min(w.after, maxRetryAfter); {
		case w.parks:
			h.until, h.most = w.end.Add(parkInterval), w.end.Add(parkInterval+parkInterval/10)
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
		if w.deadline.After(w.start.Add(k.plan.delivery.Timeout)) || !w.deadline.After(w.start) && w.start.Before(a.called) {
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
	return append(problems, a.checkPrompt(k, holds)...)
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
