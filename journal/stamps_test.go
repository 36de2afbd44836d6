package journal

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

func TestAppendedAtIsNearTheAppend(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		pause func(rng *rand.Rand, i int) time.Duration
	}{
		{"one after the other", 5000, func(*rand.Rand, int) time.Duration { return time.Millisecond }},
		{"after long silence", 200, func(*rand.Rand, int) time.Duration { return time.Hour }},
		{"bursts", 3000, func(rng *rand.Rand, i int) time.Duration {
			if i%50 == 0 {
				return time.Duration(rng.Int64N(int64(10 * time.Minute)))
			}
			return time.Duration(rng.Int64N(int64(30 * time.Millisecond)))
		}},
		{"more stamps than are kept", 20_000, func(*rand.Rand, int) time.Duration { return 150 * time.Millisecond }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, 2))
				j := newJournal(t, 2, 8<<20)
				var appended []time.Time
				for i := range tt.n {
					time.Sleep(tt.pause(rng, i))
					appended = append(appended, time.Now())
					appendN(t, j, 1, 1)
					if rng.IntN(2) == 0 {
						synctest.Wait() // or ask before the keeper had a chance
					}
					if at := j.AppendedAt(uint64(i)); at.After(appended[i]) || appended[i].Sub(at) > stampEvery {
						t.Fatalf("record %d was appended %v after AppendedAt", i, appended[i].Sub(at))
					}
				}
				time.Sleep(time.Minute)
				now := time.Now()
				for i, want := range appended {
					at := j.AppendedAt(uint64(i))
					tolerance := max(stampEvery, now.Sub(at)/stampFraction)
					if at.After(want) || want.Sub(at) > tolerance {
						t.Fatalf("record %d, %v old, was appended %v after AppendedAt", i, now.Sub(want), want.Sub(at))
					}
				}
				if n := len(j.stamps.list); n > maxStamps {
					t.Errorf("%d stamps", n)
				}
			})
		})
	}
}

func TestStampsReachBackForYears(t *testing.T) {
	var s stamps
	now := time.Now()
	start := now
	for seq := range uint64(3_000_000) {
		s.add(seq, now)
		now = now.Add(10 * time.Second)
	}
	if len(s.list) > maxStamps {
		t.Errorf("%d stamps", len(s.list))
	}
	for _, seq := range []uint64{0, 1000, 1_000_000, 2_900_000, 2_999_999} {
		want := start.Add(time.Duration(seq) * 10 * time.Second)
		if at := s.at(seq); at.After(want) || want.Sub(at) > now.Sub(at)/stampFraction {
			t.Errorf("stamp of %d is off by %v, its age is %v", seq, want.Sub(at), now.Sub(want))
		}
	}
}

func TestAppendThatIsAskedAboutWhileAtWorkDoesNotEndTheStamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		held, err := j.reserve(0)
		if err != nil {
			t.Fatal(err)
		}
		j.AppendedAt(0) // takes the stamp that the append was to kick for
		held.fill(frame.PackTime(time.Time{}), 0, nil)
		j.publish(held)
		for seq := range uint64(5) {
			time.Sleep(time.Hour)
			now := time.Now()
			appendN(t, j, 1, 0)
			if at := j.AppendedAt(seq + 1); !at.Equal(now) {
				t.Fatalf("record %d is stamped %v early", seq+1, now.Sub(at))
			}
			synctest.Wait()
		}
	})
}

func TestIdleJournalHasNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(t, 2, 4096)
		appendN(t, j, 3, 1)
		time.Sleep(stampEvery) // the last one fires
		synctest.Wait()
		if j.stampAt != 3 {
			t.Errorf("the next stamp is set for %d, want record 3", j.stampAt)
		}
		time.Sleep(24 * time.Hour)
		start := time.Now()
		appendN(t, j, 1, 1)
		synctest.Wait()
		if at := j.AppendedAt(3); !at.Equal(start) {
			t.Errorf("a record after a day of silence is stamped %v early", start.Sub(at))
		}
	})
}
