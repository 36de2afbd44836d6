package fapilog

import (
	"slices"
	"strings"
	"testing"
)

// The oracle is worth what it finds: each case spoils the account of a schedule
// in which all is well, and the oracle has to say so.
func TestOracleNoticesWhatIsWrong(t *testing.T) {
	quiet := quietSchedule(t)
	tests := []struct {
		name  string
		spoil func(a *account)
		want  string
	}{
		{"a record that was booked as delivered never came", func(a *account) { a.lose() }, "delivered, the sink took"},
		{"a record was lost and none knows", func(a *account) { a.lose(); a.sinks[0].row.Delivered--; a.sinks[0].row.Filtered++ }, "are missing"},
		{"a record came twice", func(a *account) { a.double() }, "came again"},
		{"one was lost and another came twice", func(a *account) { a.lose(); a.double() }, "are missing"},
		{"a record was invented", func(a *account) { a.appended = a.appended[1:] }, "was not accepted"},
		{"two records changed places", func(a *account) { a.swap() }, "came"},
		{"a record that is not for the sink came", func(a *account) { a.sinks[0].plan.filter = 1 }, "not for this sink"},
		{"one too many is delivered", func(a *account) { a.sinks[0].row.Delivered++ }, "does not close"},
		{"one too many is appended", func(a *account) { a.sinks[0].row.Appended++ }, "does not close"},
		{"one too many is pending", func(a *account) { a.sinks[0].row.Pending++ }, "does not close"},
		{"a count is below zero", func(a *account) { a.sinks[0].row.Pending--; a.sinks[0].row.Delivered++ }, "does not close"},
		{"a drop is booked as filtered", func(a *account) {
			a.lose()
			a.sinks[0].row.Delivered--
			a.sinks[0].row.Dropped = map[Reason]uint64{DroppedGone: 1}
		}, "the events tell of 0"},
		{"a refused record is not in the quarantine", func(a *account) { a.sinks[0].row.Quarantined++; a.sinks[0].row.Delivered-- }, "the quarantine has 0"},
		{"a call is not counted", func(a *account) { a.closed++ }, "front"},
		{"attempts are not counted", func(a *account) { a.sinks[0].row.Attempts = 1 }, "attempts"},
		{"an attempt began after Close", func(a *account) { a.sinks[0].writes[0].start = a.returned.Add(1) }, "after Close"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := runSchedule(t, quiet)
			if problems := a.problems(); len(problems) > 0 {
				t.Fatalf("unspoilt: %v", problems)
			}
			test.spoil(a)
			for i := range a.sinks {
				a.stats.Sinks[i] = a.sinks[i].row
			}
			problems := a.problems()
			if !slices.ContainsFunc(problems, func(err error) bool { return strings.Contains(err.Error(), test.want) }) {
				t.Errorf("the oracle says %v, want %q", problems, test.want)
			}
		})
	}
}

// quietSchedule returns the seed of a schedule whose first sink has had many
// batches of its own and answered for each record at once.
func quietSchedule(t *testing.T) uint64 {
	for seed := uint64(1); seed < 1000; seed++ {
		p := drawPlan(seed)
		if d := p.sinks[0].delivery; !p.healthy || d.InFlight > 1 || p.sinks[0].fallback >= 0 || d.BatchRecords < 5 {
			continue
		}
		if a := runSchedule(t, seed); a.sinks[0].row.Delivered > 50 && a.sinks[0].lost() == 0 && a.sinks[0].row.Delivered == a.sinks[0].row.Appended-a.sinks[0].row.Filtered && len(a.sinks[0].writes) > 3 {
			return seed
		}
	}
	t.Fatal("there is none")
	return 0
}

// accepting returns an attempt of the first sink that accepted several records.
func (a *account) accepting() *write {
	i := slices.IndexFunc(a.sinks[0].writes, func(w *write) bool {
		return len(w.records) > 1 && w.end.Before(w.deadline) && !slices.ContainsFunc(w.fates, func(f fate) bool { return f != accepted })
	})
	return a.sinks[0].writes[i]
}

// lose makes the first sink forget a record that it accepted.
func (a *account) lose() {
	w := a.accepting()
	w.records, w.seqs, w.fates = w.records[1:], w.seqs[1:], w.fates[1:]
}

// double has the first sink accept a batch twice.
func (a *account) double() {
	k := &a.sinks[0]
	again := *a.accepting()
	last := k.writes[len(k.writes)-1]
	again.began, again.ended = last.ended+1, last.ended+2
	again.records, again.seqs, again.fates = again.records[:1], again.seqs[:1], again.fates[:1]
	k.writes = append(k.writes, &again)
}

// swap has two neighbours in a batch come in the other order.
func (a *account) swap() {
	w := a.accepting()
	w.records[0], w.records[1] = w.records[1], w.records[0]
	w.seqs[0], w.seqs[1] = w.seqs[1], w.seqs[0]
}
