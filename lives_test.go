package fapilog

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// A service is started and ended some times, with sinks that fail, refuse and
// divert, and a fallback whose settings change each time; at last they all work. Each
// record has come to an end exactly once in every row, and reached each sink at most
// once, the fallback aside: with one attempt at a time, processes that are ended and
// not killed leave nothing in doubt. The first sink or its fallback has answered for
// each.
func TestLedgerClosesAcrossRandomLives(t *testing.T) {
	first, n := fromEnv(t, "FAPILOG_SEED", defaultSeed), fromEnv(t, "FAPILOG_SCHEDULES", shortSchedules)
	t.Logf("FAPILOG_SEED=%d FAPILOG_SCHEDULES=%d", first, n)
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runLives(t, seed) })
		})
	}
}

// service is what a test knows of a service across its lives.
type service struct {
	dir    string
	random *rand.Rand
	logged int

	mu  sync.Mutex
	had []map[sink.ID]int // by each sink: how often

	answered map[sink.ID]bool // the first sink, or its fallback, has taken or refused the record
}

func runLives(t *testing.T, seed uint64) {
	s := &service{dir: filepath.Join(t.TempDir(), "j"), random: rand.New(rand.NewPCG(seed, 7)), answered: make(map[sink.ID]bool)}
	for range 3 {
		s.had = append(s.had, make(map[sink.ID]int))
	}
	for range 2 + s.random.IntN(6) {
		s.live(t)
	}
	p := open(t, s.config(0))
	delivers(t, p)
	stats := p.Stats()
	for i, k := range stats.Sinks {
		most, all := 0, uint64(0)
		for _, times := range s.had[i] {
			most, all = max(most, times), all+uint64(times)
		}
		if k.Pending != 0 || all != k.Delivered || k.settled() != k.Appended {
			t.Errorf("the sink took %d records: %+v", all, k)
		}
		switch {
		case i < 2 && (k.Appended != uint64(s.logged) || most > 1):
			t.Errorf("%d records were logged, some came %d times: %+v", s.logged, most, k)
		case i == 2 && k.Appended < stats.Sinks[0].Diverted: // more: a process ended before the first sink could book them
			t.Errorf("%d records were diverted: %+v", stats.Sinks[0].Diverted, k)
		}
	}
	if n := len(s.answered); n != s.logged {
		t.Errorf("%d records were logged, the first sink and its fallback have answered for %d: %+v", s.logged, n, stats.Sinks)
	}
}

// live is one life of the service.
func (s *service) live(t *testing.T) {
	p := open(t, s.config(1+s.random.IntN(7)))
	for range s.random.IntN(5) {
		n := s.random.IntN(60)
		log(p, s.logged, n)
		s.logged += n
		time.Sleep(time.Duration(s.random.Int64N(int64(3 * time.Second))))
	}
	if s.random.IntN(2) == 0 {
		_ = leave(t, p)
	} else {
		_ = p.Close(limit(t, 5*time.Second))
	}
	for _, err := range checkRows(Stats{}, p.Stats()) {
		t.Error(err)
	}
}

// config returns three sinks, of whose attempts so many in ten fail. If any do,
// some batches are refused.
func (s *service) config(failures int) Config {
	cfg := Config{Defaults: Delivery{BatchRecords: 1 + s.random.IntN(20), Linger: -1}}
	for i, name := range []string{"first", "second", "spare"} {
		steps := rand.New(rand.NewPCG(s.random.Uint64(), 8))
		r := Route{Name: name, Sink: &sinktest.Script{Answer: func(_ int, batch []sink.Record) sinktest.Step {
			s.mu.Lock()
			defer s.mu.Unlock()
			switch n := steps.IntN(10); {
			case n < failures:
				return sinktest.Fail(errDown)
			case n == 9 && failures > 0:
				s.answer(i, batch)
				items := make([]sink.ItemError, len(batch))
				for i := range items {
					items[i] = sink.ItemError{Index: i, Verdict: sink.Rejected}
				}
				return sinktest.Items(items...)
			}
			s.answer(i, batch)
			for _, r := range batch {
				s.had[i][r.ID]++
			}
			return sinktest.OK()
		}}}
		switch i {
		case 0:
			r.Delivery = Delivery{Fallback: "spare", Breaker: once}
		case 1:
			r.Filter = func(r sink.Record) bool { return r.ID.Seq%5 > 0 }
		case 2:
			switch s.random.IntN(5) {
			case 0, 1:
				r.Standby = true
			case 2:
				r.From = FromEnd
			case 3:
				r.Delivery.Level = slog.LevelError
			}
		}
		cfg.Routes = append(cfg.Routes, r)
	}
	return onDisk(s.dir, cfg)
}

// answer notes that sink i has taken or refused the batch. s.mu is held.
func (s *service) answer(i int, batch []sink.Record) {
	if i == 1 {
		return
	}
	for _, r := range batch {
		s.answered[r.ID] = true
	}
}
