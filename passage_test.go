package fapilog

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// told fails the test unless these are all the calls of Ack.
func (k *keeper) told(t *testing.T, want ...ack) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(k.acks, want) {
		t.Errorf("%s told the journal\n%+v, want\n%+v", k.d.name, k.acks, want)
	}
	if err := errors.Join(k.problems...); err != nil {
		t.Errorf("%s: %v", k.d.name, err)
	}
}

// slowAtFirst is a sink that has an answer for the first record after ten
// seconds, and for all others at once.
func slowAtFirst() sink.Sink {
	return sink.Func(func(_ context.Context, batch []sink.Record) error {
		if batch[0].ID.Seq == 0 {
			time.Sleep(10 * time.Second)
		}
		return nil
	})
}

func TestJournalIsToldOfNothingBehindABatchThatIsNotSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Defaults: Delivery{BatchRecords: 10, InFlight: 2, Timeout: time.Minute}}, slowAtFirst())
		k := keepers(p)[0]
		burst(p, 0, 40)
		synctest.Wait()
		if got := row(t, p, "a"); got.Delivered != 30 {
			t.Errorf("%+v", got)
		}
		k.told(t)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		k.told(t, ack{40, journal.Tally{Delivered: 40, Attempts: 4}})
		delivers(t, p)
	})
}

// A kill must not find two batches to deliver again.
func TestJournalIsToldOfABatchBeforeTheNextIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Defaults: Delivery{BatchRecords: 10}}, new(sinktest.Memory))
		d, told := p.deliveries[0], 0
		real := d.ack
		d.ack = func(next uint64, tally journal.Tally) error {
			told++
			if d.running > 0 {
				t.Errorf("the journal is told of %d when the next batch is under way", next)
			}
			return real(next, tally)
		}
		burst(p, 0, 40)
		delivers(t, p)
		if told != 4 {
			t.Errorf("it was told %d times", told)
		}
	})
}

func TestQueueOfWhatTheJournalIsNotToldOfStaysShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Defaults: Delivery{BatchRecords: 1, InFlight: 2, Timeout: time.Minute}}, slowAtFirst())
		k := keepers(p)[0]
		log(p, 0, 10_000)
		synctest.Wait()
		if n := len(p.deliveries[0].passages); row(t, p, "a").Delivered != 9_999 || n > 2*2+1 {
			t.Errorf("%d delivered, %d passages", row(t, p, "a").Delivered, n)
		}
		delivers(t, p)
		if k.sum.Delivered != 10_000 {
			t.Errorf("%+v", k.sum)
		}
	})
}

func TestPassagesAreJoinedWithinALife(t *testing.T) {
	one, other := [16]byte{1}, [16]byte{2}
	for _, test := range []struct {
		first, second passage
		joined        bool
	}{
		{passage{life: one, settled: true}, passage{life: one, settled: true}, true},
		{passage{life: one, settled: true}, passage{life: other, settled: true}, false},
		{passage{settled: true}, passage{settled: true}, false}, // of lives that are not known
		{passage{life: one}, passage{life: one, settled: true}, false},
		{passage{life: one, settled: true}, passage{life: one}, false},
	} {
		p, next := test.first, test.second
		p.end, p.tally = 3, journal.Tally{Delivered: 3}
		next.end, next.tally = 7, journal.Tally{Delivered: 3, Rejected: 1}
		want := p
		if test.joined {
			want.end, want.tally = 7, journal.Tally{Delivered: 6, Rejected: 1}
		}
		if joined := p.absorb(&next); joined != test.joined || p != want {
			t.Errorf("%+v and %+v: %t, %+v", test.first, test.second, joined, p)
		}
	}
}

func TestFilteredRecordsAreToldToTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{Routes: []Route{
			{Name: "filter", Sink: &m, Filter: func(r sink.Record) bool { return r.ID.Seq%2 == 0 }},
			{Name: "nothing", Sink: sink.Func(m.Write), Filter: func(sink.Record) bool { return false }, Delivery: Delivery{BatchRecords: 3}},
		}})
		ks := keepers(p)
		burst(p, 0, 10)
		time.Sleep(time.Second)
		synctest.Wait()
		ks[0].told(t, ack{10, journal.Tally{Filtered: 5, Delivered: 5, Attempts: 1}})
		ks[1].told(t, ack{9, journal.Tally{Filtered: 9}}, ack{10, journal.Tally{Filtered: 1}})
		delivers(t, p)
	})
}

func TestOutcomeAndOriginOfDivertedRecordsAreToldTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &sinktest.Script{Then: sinktest.Slow(time.Second)}
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: to("standby")},
			{Name: "standby", Sink: slow, Standby: true},
		}})
		ks := keepers(p)
		burst(p, 0, 10)
		time.Sleep(500 * time.Millisecond)
		if got := row(t, p, "standby"); got.Appended != 10 || got.Pending != 10 {
			t.Errorf("%+v", got)
		}
		ks[0].told(t)
		ks[1].told(t)
		time.Sleep(time.Second)
		ks[0].told(t, ack{10, journal.Tally{Diverted: 10, Attempts: 1, Failures: 1}})
		ks[1].told(t, ack{0, journal.Tally{In: 10, Delivered: 10, Attempts: 1}})
		delivers(t, p)
	})
}

func TestWhatIsSettledOfABatchIsToldWithTheRestOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		half := &sink.Error{Items: []sink.ItemError{{Index: 0, Verdict: sink.Rejected}, {Index: 3}}}
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(half)}}
		p := open(t, Config{Defaults: Delivery{BatchRecords: 4, RetryBase: time.Second, RetryMax: time.Second}}, s)
		constant(p, 0.5)
		k := keepers(p)[0]
		burst(p, 0, 4)
		synctest.Wait()
		if got := row(t, p, "a"); got.Delivered != 2 || got.Pending != 2 {
			t.Errorf("%+v", got)
		}
		k.told(t)
		time.Sleep(time.Second)
		k.told(t, ack{4, journal.Tally{Delivered: 3, Rejected: 1, Attempts: 2, Failures: 1}})
		delivers(t, p)
	})
}

func TestAttemptsThatSettledNothingAreToldAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{}, &sinktest.Script{Then: sinktest.Fail(errDown)})
		k := keepers(p)[0]
		log(p, 0, 1)
		time.Sleep(2 * time.Second)
		k.told(t)
		_ = p.Close(limit(t, time.Second))
		n := row(t, p, "a").Attempts
		k.told(t, ack{0, journal.Tally{Attempts: n, Failures: n}})
	})
}

func TestOverflowIsToldInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sinktest.Script{Steps: []sinktest.Step{sinktest.Slow(time.Second)}}
		var heard events
		p := open(t, Config{OnEvent: heard.note, MaxRecord: 1 << 10, Journal: journal.Config{MaxBytes: 8 << 10}, Defaults: Delivery{BatchRecords: 10}}, s)
		k := keepers(p)[0]
		burst(p, 0, 10)
		synctest.Wait()
		burst(p, 10, 1000)
		synctest.Wait()
		lost := row(t, p, "a").Dropped[DroppedOverflow]
		if k.told(t); lost == 0 {
			t.Error("nothing was lost")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if k.told(t, k.acks...); k.acks[0].next != 10+lost || k.acks[0].tally != (journal.Tally{Delivered: 10, Overflow: lost, Attempts: 1}) {
			t.Errorf("%d lost, told %+v", lost, k.acks[0])
		}
		var told uint64
		for _, e := range heard.of(EventDropped) {
			told += e.Count
		}
		if told != lost {
			t.Errorf("%d lost, the events tell of %d", lost, told)
		}
		delivers(t, p)
	})
}

// The schedules are worth what the keeper notices.
func TestKeeperNoticesWhatTheJournalMustNotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name string
			acks []ack
			want string
		}{
			{"nothing is wrong", []ack{{2, journal.Tally{Delivered: 2}}, {5, journal.Tally{Filtered: 3}}}, ""},
			{"the position goes back", []ack{{2, journal.Tally{Delivered: 2}}, {1, journal.Tally{}}}, "told of 2, and then of 1"},
			{"a record before it is not settled", []ack{{6, journal.Tally{Delivered: 6}}}, "record 5 is not settled"},
			{"a record is not counted", []ack{{3, journal.Tally{Delivered: 2}}}, "position 3 and of 2 records"},
			{"a record is counted twice", []ack{{3, journal.Tally{Delivered: 3, Gone: 1}}}, "position 3 and of 4 records"},
		} {
			s := &sinktest.Script{Then: sinktest.Stuck()}
			p := open(t, Config{}, s)
			k := keepers(p)[0]
			burst(p, 0, 5)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			p.deliveries[0].window[0].pieces[0] = nil // all of them are settled
			for _, a := range test.acks {
				_ = k.ack(a.next, a.tally)
			}
			if err := errors.Join(k.problems...); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %q", test.name, err, test.want)
			}
			s.Release()
		}
	})
}

// earlierTally has the sinks begin with what earlier processes have settled.
func earlierTally(p *Pipeline, t journal.Tally) {
	for _, d := range p.deliveries {
		d.setState(func(l *ledger) { l.before, l.tally = t, t })
	}
}

func TestRowsGoOnWhereEarlierProcessesHaveLeftThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, Config{Routes: []Route{
			{Name: "primary", Sink: failing(1), Delivery: to("standby")},
			{Name: "standby", Sink: new(sinktest.Memory), Standby: true},
		}})
		ks := keepers(p)
		earlierTally(p, journal.Tally{In: 2, Filtered: 1, Delivered: 2, Diverted: 3, Quarantined: 4, Overflow: 5, Corrupt: 6, Gone: 7, Attempts: 8, Failures: 9})
		for _, k := range p.Stats().Sinks {
			if k.Appended != 28 || k.Pending != 0 || k.LostBefore != 22 {
				t.Errorf("%+v", k)
			}
		}
		burst(p, 0, 10)
		time.Sleep(time.Second)
		s := p.Stats()
		want := []SinkStats{
			{Appended: 38, Filtered: 1, Delivered: 2, Diverted: 13, Attempts: 9, Failures: 10},
			{Appended: 38, Filtered: 1, Delivered: 12, Diverted: 3, Attempts: 9, Failures: 9},
		}
		for i, k := range s.Sinks {
			got := SinkStats{Appended: k.Appended, Filtered: k.Filtered, Delivered: k.Delivered, Diverted: k.Diverted, Attempts: k.Attempts, Failures: k.Failures}
			if !reflect.DeepEqual(got, want[i]) || k.Quarantined != 4 || !reflect.DeepEqual(k.Dropped, map[Reason]uint64{DroppedOverflow: 5, DroppedCorrupt: 6, DroppedGone: 7}) {
				t.Errorf("%+v", k)
			}
		}
		if s.Appended != 10 || s.Offered != 10 {
			t.Errorf("the pipeline's own row is not of this process alone: %+v", s)
		}
		ks[1].told(t, ack{0, journal.Tally{In: 10, Delivered: 10, Attempts: 1}}) // this process's only
		delivers(t, p)
	})
}

func TestEarlierLossesDoNotMakeAProcessIncomplete(t *testing.T) {
	for _, test := range []struct {
		name string
		row  SinkStats
		want bool
	}{
		{"nothing was lost", SinkStats{}, true},
		{"all was lost before", SinkStats{Quarantined: 2, Dropped: map[Reason]uint64{DroppedGone: 3}, LostBefore: 5}, true},
		{"one more was dropped", SinkStats{Quarantined: 2, Dropped: map[Reason]uint64{DroppedGone: 4}, LostBefore: 5}, false},
		{"one more was quarantined", SinkStats{Quarantined: 3, Dropped: map[Reason]uint64{DroppedGone: 3}, LostBefore: 5}, false},
		{"one is left", SinkStats{Pending: 1}, false},
	} {
		if got := (Stats{Sinks: []SinkStats{test.row}}).Complete(); got != test.want {
			t.Errorf("%s: Complete is %t", test.name, got)
		}
	}
}

// Every reason has a place of its own in a tally.
func TestDropsAreCountedByReason(t *testing.T) {
	var all journal.Tally
	want := make(map[Reason]uint64)
	for i, r := range reasons {
		want[r] = uint64(i + 1)
		all.Add(r.tally(uint64(i + 1)))
	}
	if got := byReason(all); !reflect.DeepEqual(got, want) || all.Dropped() != 28 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := byReason(journal.Tally{In: 1, Delivered: 2, Attempts: 3}); got != nil {
		t.Errorf("%v of nothing", got)
	}
}
