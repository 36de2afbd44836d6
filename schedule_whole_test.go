package fapilog

import (
	"fmt"
	"slices"
	"time"
)

// arrivals returns how often a record may reach sink i: once by its own cursor,
// or else once from each sink that diverts to it.
func (a *account) arrivals(i int, l logged) (n int) {
	if a.plan.sinks[i].passes(l) {
		return 1
	}
	for from := range a.plan.sinks {
		if a.plan.sinks[from].fallback == i {
			n += a.arrivals(from, l)
		}
	}
	return n
}

// checkOnce checks that the sink saw no record again after it had answered for
// it, none in two Writes at once, none that was not for it, and the records of
// its own cursor in their order.
func (a *account) checkOnce(i int) (problems []error) {
	k := &a.sinks[i]
	byRecord := make(map[logged][]*write)
	for _, w := range k.writes {
		for _, l := range w.records {
			byRecord[l] = append(byRecord[l], w)
		}
	}
	for l, writes := range byRecord {
		most := a.arrivals(i, l)
		if most == 0 {
			problems = append(problems, fmt.Errorf("%s is not for this sink", l.message()))
			continue
		}
		for n, w := range writes {
			settled, running := 0, 0
			for _, earlier := range writes[:n] {
				if earlier.ended > w.began {
					running++
				} else if earlier.settles(l) {
					settled++
				}
			}
			if running+settled >= most {
				problems = append(problems, fmt.Errorf("%s came again (%v) after it was settled %d times, while %d Writes had it; want %d in all", l.message(), w.fault, settled, running, most))
			}
		}
	}
	return append(problems, a.checkOrder(i)...)
}

// settles reports whether w's answer was the last word on l.
func (w *write) settles(l logged) bool {
	if w.err && !w.end.Before(w.deadline) {
		return false
	}
	return w.fates[slices.Index(w.records, l)] != kept
}

// checkOrder checks the order in which the records of the sink's own cursor were
// accepted, but for those that the destination judged one by one.
func (a *account) checkOrder(i int) (problems []error) {
	k := &a.sinks[i]
	if k.plan.delivery.InFlight > 1 {
		return nil
	}
	judged := make(map[logged]bool)
	var last uint64
	var lastRecord logged
	for _, w := range k.writes {
		for n, l := range w.records {
			if w.fates[n] != accepted {
				judged[l] = judged[l] || w.named
				continue
			}
			if judged[l] || !k.plan.passes(l) {
				continue
			}
			if w.seqs[n] < last {
				problems = append(problems, fmt.Errorf("%s came after %s", l.message(), lastRecord.message()))
			}
			last, lastRecord = w.seqs[n], l
		}
	}
	return problems
}

// answered returns the records of which the sink answered for good.
func (a *account) answered(k *sinkAccount) map[logged]bool {
	all := make(map[logged]bool)
	for _, w := range k.writes {
		if a.weigh(k, w) == never {
			continue
		}
		for n, l := range w.records {
			if w.fates[n] != kept {
				all[l] = true
			}
		}
	}
	return all
}

// missing returns the records of the sink's own cursor of which it did not
// answer for good.
func (a *account) missing(i int) (missing []logged) {
	k := &a.sinks[i]
	answered := a.answered(k)
	for _, l := range a.appended {
		if k.plan.passes(l) && !answered[l] {
			missing = append(missing, l)
		}
	}
	return missing
}

// lost returns the ledger's count of records that the sink did not answer for.
func (k *sinkAccount) lost() uint64 {
	d := k.row.Dropped
	return k.row.Pending + k.row.Diverted + d[DroppedOverflow] + d[DroppedCircuitOpen] + d[DroppedExpired] + d[DroppedGone]
}

// checkWhole compares what should have come by the sink's own cursor with what
// did: what is missing must be in the ledger.
func (a *account) checkWhole(i int) (problems []error) {
	k := &a.sinks[i]
	row := k.row
	if k.plan.standby {
		if row.Filtered > 0 || row.Dropped[DroppedOverflow] > 0 {
			problems = append(problems, fmt.Errorf("a standby that reads the journal: %+v", row))
		}
		return problems
	}
	missing := uint64(len(a.missing(i)))
	if missing > k.lost() {
		problems = append(problems, fmt.Errorf("%d records are missing, the ledger explains %d", missing, k.lost()))
	}
	var want uint64 // to be filtered
	for _, l := range a.appended {
		if !k.plan.passes(l) {
			want++
		}
	}
	unread := row.Dropped[DroppedOverflow] + row.Pending
	if row.Filtered > want || row.Filtered+unread < want {
		problems = append(problems, fmt.Errorf("the ledger has %d filtered, want %d less what of %d was not read", row.Filtered, want, unread))
	}
	// An expired or skipped record may have been accepted late, and one that
	// was diverted here is not missing here.
	certain := k.keeps() && !slices.ContainsFunc(k.writes, func(w *write) bool { return a.weigh(k, w) == perhaps })
	if lost := k.lost(); unread == 0 && certain && row.Appended == a.stats.Appended && missing != lost {
		problems = append(problems, fmt.Errorf("%d records are missing, the ledger says %d", missing, lost))
	}
	return problems
}

// checkDiverted compares the sink's row with those of the sinks that divert to
// it, and looks for the records that it diverted itself.
func (a *account) checkDiverted(i int) (problems []error) {
	k := &a.sinks[i]
	in := k.row.Appended
	if !k.plan.standby {
		in -= a.stats.Appended
	}
	var most uint64
	for n := range a.sinks {
		if a.plan.sinks[n].fallback == i {
			most += a.sinks[n].row.Diverted + a.sinks[n].row.Pending
		}
	}
	if in > most {
		problems = append(problems, fmt.Errorf("%d records were diverted here, the others diverted %d at most", in, most))
	}
	if k.plan.fallback < 0 {
		if k.row.Diverted > 0 {
			problems = append(problems, fmt.Errorf("%d records were diverted to nowhere", k.row.Diverted))
		}
		return problems
	}
	to := &a.sinks[k.plan.fallback]
	if k.lost() != k.row.Diverted || to.lost() > 0 {
		return problems // what is missing may have been dropped
	}
	answered := a.answered(to)
	for _, l := range a.missing(i) {
		if !answered[l] {
			problems = append(problems, fmt.Errorf("%s was diverted to %s, which has never answered for it", l.message(), to.plan.name))
		}
	}
	return problems
}

// coverage is what happened in all schedules together.
type coverage struct {
	faults                        [faults]int
	records, writes, lateNils     int
	sums                          []uint64 // of counts
	appended, serial, undelivered int
	virtual                       time.Duration
}

func (c *coverage) add(a *account) {
	c.appended += len(a.appended)
	if a.plan.serial {
		c.serial++
	}
	c.virtual += a.returned.Sub(a.called) + a.plan.total()
	if c.sums == nil {
		c.sums = make([]uint64, len(SinkStats{}.counts()))
	}
	for i := range a.sinks {
		k := &a.sinks[i]
		if k.row.Pending > 0 {
			c.undelivered++
		}
		for n, count := range k.row.counts() {
			c.sums[n] += count
		}
		for _, w := range k.writes {
			c.writes++
			c.records += len(w.records)
			c.faults[w.fault]++
			if w.end.After(w.deadline) && !w.err {
				c.lateNils++
			}
		}
	}
}

var countNames = []string{"pending", "filtered", "delivered", "diverted", "quarantined",
	"overflow", "circuit_open", "rejected", "too_large", "expired", "corrupt", "gone"}

// String tells what was seen, for -v.
func (c *coverage) String() string {
	text := fmt.Sprintf("%d records appended, %d writes of %d records, %d late successes; %d serial, %d sinks with records left; %v closing and before\n",
		c.appended, c.writes, c.records, c.lateNils, c.serial, c.undelivered, c.virtual)
	for n, sum := range c.sums {
		text += fmt.Sprintf("%s %d, ", countNames[n], sum)
	}
	for f, n := range c.faults {
		text += fmt.Sprintf("%v %d, ", fault(f), n)
	}
	return text
}

// gaps names what never happened: a test of many schedules has to have all.
func (c *coverage) gaps() (gaps []string) {
	for f, n := range c.faults {
		if n == 0 {
			gaps = append(gaps, "an attempt that "+fault(f).String())
		}
	}
	for n, sum := range c.sums {
		if sum == 0 && countNames[n] != "corrupt" {
			gaps = append(gaps, countNames[n])
		}
	}
	if c.serial == 0 || c.lateNils == 0 || c.undelivered == 0 {
		gaps = append(gaps, "a serial pipeline, a late success or a Close with records left")
	}
	return gaps
}
