package fapilog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestEachChangeOfTheJournalsHealthIsToldOnce(t *testing.T) {
	well := journal.Health{OnDisk: true}
	problems := func(p ...string) journal.Health { return journal.Health{OnDisk: true, Problems: p} }
	full := journal.Health{Err: "no space left on device"}
	for _, test := range []struct {
		name    string
		changes []journal.Health
		want    []string
	}{
		{"it begins well", []journal.Health{well, well}, nil},
		{"it goes on in memory", []journal.Health{full, full}, []string{"degraded no space left on device"}},
		{"it fails again and again", []journal.Health{full, {Err: "read-only file system"}, full}, []string{"degraded no space left on device"}},
		{"it comes back", []journal.Health{full, well, well}, []string{"degraded no space left on device", "restored "}},
		{"it goes and comes", []journal.Health{full, well, full, well}, []string{
			"degraded no space left on device", "restored ", "degraded no space left on device", "restored "}},
		{"something is wrong with the directory", []journal.Health{problems("a newer life"), problems("a newer life"), well}, []string{"journal a newer life"}},
		{"more is wrong with it", []journal.Health{problems("a"), problems("a", "b", "c")}, []string{"journal a", "journal b", "journal c"}},
		{"what passes is told of when it comes again", []journal.Health{problems("no room"), problems("a", "no room"), problems("a"), problems("a", "no room")}, []string{
			"journal no room", "journal a", "journal no room"}},
		{"it comes back to a directory with a fault", []journal.Health{full, problems("a")}, []string{
			"degraded no space left on device", "restored ", "journal a"}},
		{"more lives are left", []journal.Health{well, {OnDisk: true, Lives: 3}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard events
				logger, text := lines()
				p := open(t, Config{OnEvent: heard.note, Diagnostics: logger}, new(sinktest.Memory))
				var also int
				h := newHealth(p.reporter, journal.Config{OnHealth: func(journal.Health) { also++; panic("user") }})
				for _, change := range test.changes {
					h.changed(change)
				}
				synctest.Wait()
				var got []string
				for _, e := range heard.all {
					got = append(got, fmt.Sprintf("%s %s", e.Kind, e.Err))
				}
				if !slices.Equal(got, test.want) || also != len(test.changes) {
					t.Errorf("told %q, want %q; the user's was called %d times", got, test.want, also)
				}
				if n := strings.Count(text.String(), "msg=\"journal "); n != len(test.want) || strings.Contains(text.String(), "sink=") {
					t.Errorf("diagnostics:\n%s", text)
				}
			})
		})
	}
}

func TestWhatTheJournalLetsGoOfIsToldAndSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard events
		p := open(t, Config{OnEvent: heard.note}, new(sinktest.Memory))
		var also []journal.Gone
		h := newHealth(p.reporter, journal.Config{OnGone: func(g journal.Gone) { also = append(also, g); panic("user") }})
		told := []journal.Gone{{Key: "audit", Records: 5}, {Key: "old", Records: 1}, {Key: "audit", Records: 2}}
		for _, g := range told {
			h.lost(g)
		}
		synctest.Wait()
		if n := len(heard.of(EventDropped)); n != 3 || !slices.Equal(also, told) {
			t.Errorf("%d events, and the configuration's own function was told of %v", n, also)
		}
		if got := h.lostSoFar(); got["audit"] != 7 || got["old"] != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestStatsOfAJournalInMemoryDoNotSpeakOfADirectory(t *testing.T) {
	p := open(t, Config{}, new(sinktest.Memory))
	if s := p.Stats(); s.Journal != nil {
		t.Errorf("%+v", s.Journal)
	}
}

func TestUndeliveredErrorSaysWhereTheRecordsAreKept(t *testing.T) {
	e := UndeliveredError{Sinks: []Undelivered{{"a", 3, "refused"}}, Kept: "/var/lib/j"}
	if want := "fapilog: not everything was delivered: a has 3 records left (refused); the journal in /var/lib/j keeps them, and the next process that opens it delivers them"; e.Error() != want {
		t.Errorf("%s", e.Error())
	}
}

func TestClosingTheJournalIsWaitedForUntilAMomentAfterTheDeadline(t *testing.T) {
	for _, test := range []struct {
		name                 string
		takes, deadline, min time.Duration
		max                  time.Duration
	}{
		{"at once", 0, time.Minute, 0, 0},
		{"in time", 10 * time.Second, time.Minute, 10 * time.Second, 10 * time.Second},
		{"too long", time.Hour, time.Minute, time.Minute, time.Minute + 90*time.Millisecond},
		{"too long, after the deadline", time.Hour, -time.Minute, 0, 15 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				await(func() { time.Sleep(test.takes) }, start.Add(test.deadline))
				if took := time.Since(start); took < test.min || took > test.max {
					t.Errorf("it took %v, want %v to %v", took, test.min, test.max)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}
