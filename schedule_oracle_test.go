package fapilog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fapilog/fapilog/sink"
)

// account is all that is known of a schedule that is over: what the producers,
// the sinks and the quarantine files saw on one side, the ledger on the other.
type account struct {
	plan plan
	ending
	stats    Stats
	sinks    []sinkAccount
	found    []error  // noticed on the way
	appended []logged // in no order
	closed   uint64
	refused  uint64
	drops    map[dropped]uint64
	missed   bool
}

// sinkAccount is what is known of one sink.
type sinkAccount struct {
	plan        *sinkPlan
	row         SinkStats
	writes      []*write
	pings       int
	latePings   int
	quarantined []quarantineLine
}

// problems is the oracle: it returns everything in which the ledger, the sinks
// and the promises disagree.
func (a *account) problems() (problems []error) {
	problems = append(problems, a.found...)
	problems = append(problems, checkRows(Stats{}, a.stats)...)
	problems = append(problems, a.checkFront()...)
	problems = append(problems, a.checkIdentity()...)
	for i := range a.sinks {
		var at []error
		at = append(at, a.checkCounts(i)...)
		at = append(at, a.checkWhole(i)...)
		at = append(at, a.checkDiverted(i)...)
		at = append(at, a.checkOnce(i)...)
		at = append(at, a.checkQuarantine(i)...)
		at = append(at, a.checkTimes(i)...)
		for _, err := range at {
			problems = append(problems, fmt.Errorf("%s: %w", a.sinks[i].plan.name, err))
		}
	}
	return problems
}

// checkRows checks each row of now by itself and against an earlier one.
func checkRows(before, now Stats) (problems []error) {
	for i, row := range now.Sinks {
		sum := row.settled() + row.Pending
		counts := row.counts()
		if sum != row.Appended || slices.Max(counts) > row.Appended {
			problems = append(problems, fmt.Errorf("%s: the ledger does not close: %d of %d: %+v", row.Name, sum, row.Appended, row))
		}
		if row.PendingBytes < 0 || row.OldestPending < 0 {
			problems = append(problems, fmt.Errorf("%s: what is pending is negative: %+v", row.Name, row))
		}
		if len(before.Sinks) == 0 {
			continue
		}
		for k, n := range before.Sinks[i].counts() {
			if k > 0 && n > counts[k] { // all but Pending
				problems = append(problems, fmt.Errorf("%s: a count fell: %+v, then %+v", row.Name, before.Sinks[i], row))
				break
			}
		}
	}
	return problems
}

// counts returns the terms of the ledger's right side, Pending first.
func (s SinkStats) counts() []uint64 {
	d := s.Dropped
	return []uint64{s.Pending, s.Filtered, s.Delivered, s.Diverted, s.Quarantined,
		d[DroppedOverflow], d[DroppedCircuitOpen], d[DroppedRejected], d[DroppedTooLarge], d[DroppedExpired], d[DroppedCorrupt], d[DroppedGone]}
}

// checkFront compares the pipeline's own row with what the producers were told.
func (a *account) checkFront() (problems []error) {
	s := a.stats
	if n := uint64(len(a.appended)); s.Appended != n || s.Closed != a.closed || s.Refused != a.refused || s.EncodeFailed != 0 {
		problems = append(problems, fmt.Errorf("the front's row is %d appended, %d closed, %d refused, %d failed; the callers were told of %d, %d, %d, 0",
			s.Appended, s.Closed, s.Refused, s.EncodeFailed, n, a.closed, a.refused))
	}
	if s.Offered != s.Appended+s.Closed+s.EncodeFailed+s.Refused {
		problems = append(problems, fmt.Errorf("the front's row does not close: %+v", s))
	}
	return problems
}

// checkIdentity checks that sinks saw only what was logged, under one sequence
// each, and that sequences follow the order of each producer.
func (a *account) checkIdentity() (problems []error) {
	known := make(map[logged]bool, len(a.appended))
	for _, l := range a.appended {
		known[l] = true
	}
	at := make(map[uint64]logged)
	for _, k := range a.sinks {
		for _, w := range k.writes {
			for i, l := range w.records {
				first, again := at[w.seqs[i]]
				if again && first != l {
					problems = append(problems, fmt.Errorf("%s: sequence %d is %s, elsewhere %s", k.plan.name, w.seqs[i], l.message(), first.message()))
				}
				if !again && !known[l] {
					problems = append(problems, fmt.Errorf("%s: %s was not accepted from its producer", k.plan.name, l.message()))
				}
				at[w.seqs[i]] = l
			}
		}
	}
	last := make(map[int]int)
	for _, seq := range slices.Sorted(maps.Keys(at)) {
		l := at[seq]
		if n, again := last[l.producer]; again && n >= l.n {
			problems = append(problems, fmt.Errorf("sequence %d is record %d of producer %d, and record %d came before", seq, l.n, l.producer, n))
		}
		last[l.producer] = l.n
	}
	return problems
}

// weight says how an answer counts in the ledger. A delivery takes an answer
// that comes before its deadline. A nil that comes later counts if the delivery
// still holds the batch, and other late answers never count. No answer counts
// that comes after the delivery has stopped.
type weight int

const (
	never weight = iota
	perhaps
	surely
)

func (a *account) weigh(k *sinkAccount, w *write) weight {
	inTime, late := w.end.Before(w.deadline), w.end.After(w.deadline)
	switch {
	case late && w.err, w.end.After(a.returned):
		return never
	case !w.end.Before(a.stopped):
		return perhaps
	case inTime, late && k.keeps():
		return surely
	}
	return perhaps
}

// keeps reports whether the delivery keeps a batch that has failed until it is
// settled, whatever happens.
func (k *sinkAccount) keeps() bool {
	ended := slices.ContainsFunc(k.writes, func(w *write) bool { return w.gone })
	return !ended && k.plan.delivery.RetryFor <= 0 && (k.plan.delivery.Breaker.Off || k.plan.delivery.OnOpen == Hold)
}

// stretch is a count that is known up to answers that count perhaps.
type stretch struct{ least, most uint64 }

func (s *stretch) add(w weight) {
	if w == surely {
		s.least++
	}
	if w != never {
		s.most++
	}
}

func (s stretch) has(n uint64) bool { return s.least <= n && n <= s.most }

// checkCounts compares the ledger with what the sink answered, and the events.
func (a *account) checkCounts(i int) (problems []error) {
	k := &a.sinks[i]
	row := k.row
	var counts [tooLarge + 1]stretch
	for _, w := range k.writes {
		for _, f := range w.fates {
			counts[f].add(a.weigh(k, w))
		}
	}
	if c := counts[accepted]; !c.has(row.Delivered) {
		problems = append(problems, fmt.Errorf("the ledger has %d delivered, the sink took %d to %d", row.Delivered, c.least, c.most))
	}
	problems = append(problems, a.checkCondemned(k, counts[rejected], counts[tooLarge])...)
	problems = append(problems, a.checkAttempts(k)...)
	for reason, n := range row.Dropped {
		told := a.drops[dropped{row.Name, reason}]
		if !a.missed && told != n && reason != DroppedOverflow { // overflow is told of by the next read
			problems = append(problems, fmt.Errorf("%d records were dropped as %s, the events tell of %d", n, reason, told))
		}
	}
	return problems
}

// checkCondemned compares the records that the sink will never take.
func (a *account) checkCondemned(k *sinkAccount, refused, large stretch) (problems []error) {
	row := k.row
	r, l := row.Dropped[DroppedRejected], row.Dropped[DroppedTooLarge]
	slack := row.Pending + row.Dropped[DroppedGone] // condemned, and not put aside any more
	all := stretch{refused.least + large.least, refused.most + large.most}
	all.least -= min(all.least, slack)
	if n := row.Quarantined + r + l; !all.has(n) || r > refused.most || l > large.most {
		problems = append(problems, fmt.Errorf("the ledger has %d quarantined, %d rejected, %d too large; the sink refused %v and %v", row.Quarantined, r, l, refused, large))
	}
	switch q := k.plan.quarantine; {
	case (q == goodQuarantine || q == journalQuarantine) && r+l > 0:
		problems = append(problems, fmt.Errorf("%d records dropped beside a quarantine", r+l))
	case (q == noQuarantine || q == brokenQuarantine) && row.Quarantined > 0:
		problems = append(problems, fmt.Errorf("%d records quarantined without a quarantine", row.Quarantined))
	}
	return problems
}

// checkAttempts compares the number of attempts. An attempt that found every
// slot taken by a Write that has not returned failed without a call.
func (a *account) checkAttempts(k *sinkAccount) (problems []error) {
	calls, failed, stuck := uint64(0), stretch{}, k.latePings > 0
	for _, w := range k.writes {
		calls++
		stuck = stuck || !w.end.Before(w.deadline)
		switch {
		case w.err && !(w.postpones && !w.end.After(w.deadline)):
			failed.add(surely)
		case w.end.Equal(w.deadline) || !w.end.Before(a.stopped): // stopping waits a moment beyond the deadline
			failed.add(perhaps)
		case w.end.After(w.deadline):
			failed.add(surely)
		}
	}
	row := k.row
	if row.Attempts < calls || row.Failures < failed.least {
		problems = append(problems, fmt.Errorf("the ledger has %d attempts, %d failed; the sink saw %d and %v", row.Attempts, row.Failures, calls, failed))
	}
	if !stuck && (row.Attempts != calls || row.Failures > failed.most) {
		problems = append(problems, fmt.Errorf("no call was late; the ledger has %d attempts, %d failed; the sink saw %d and %v", row.Attempts, row.Failures, calls, failed))
	}
	return problems
}

// checkQuarantine compares the quarantine's file with the ledger and with what
// the sink refused.
func (a *account) checkQuarantine(i int) (problems []error) {
	k := &a.sinks[i]
	if n := uint64(len(k.quarantined)); n != k.row.Quarantined {
		problems = append(problems, fmt.Errorf("the quarantine has %d records, the ledger %d", n, k.row.Quarantined))
	}
	fates := make(map[logged]map[fate]int)
	ids := make(map[logged]uint64)
	for _, w := range k.writes {
		for n, l := range w.records {
			if fates[l] == nil {
				fates[l] = make(map[fate]int)
			}
			fates[l][w.fates[n]]++
			ids[l] = w.seqs[n]
		}
	}
	reasons := map[Reason]fate{DroppedRejected: rejected, DroppedTooLarge: tooLarge}
	for _, line := range k.quarantined {
		l, err := parseLogged(line.Record)
		if err != nil {
			problems = append(problems, fmt.Errorf("quarantine: %w", err))
			continue
		}
		f := reasons[line.Reason]
		id := sink.ID{Seq: ids[l]}.String()
		if fates[l][f]--; f == kept || fates[l][f] < 0 || line.Sink != k.plan.name || line.ID[32:] != id[32:] {
			problems = append(problems, fmt.Errorf("quarantine: %s %s of %s: the sink did not refuse it so, or not so often", line.Reason, line.ID, line.Sink))
		}
	}
	return problems
}
