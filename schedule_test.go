package fapilog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// defaultSeed is the first of the seeds that are run when FAPILOG_SEED does not
// say another; FAPILOG_SCHEDULES says how many.
const (
	defaultSeed      = 1
	defaultSchedules = 200
	shortSchedules   = 40
)

// Each schedule is a pipeline with faults of all kinds at random moments. A seed
// draws the same schedule each time. Which goroutine runs first when several can
// at one moment is not drawn, so a failure may need a few runs to come again:
// -count=20. A panic outside of the test's goroutine does not name its seed: -v
// shows which was last.
func TestLedgerClosesAfterRandomSchedules(t *testing.T) {
	first := fromEnv(t, "FAPILOG_SEED", defaultSeed)
	n := fromEnv(t, "FAPILOG_SCHEDULES", defaultSchedules)
	if testing.Short() && os.Getenv("FAPILOG_SCHEDULES") == "" {
		n = shortSchedules
	}
	t.Logf("FAPILOG_SEED=%d FAPILOG_SCHEDULES=%d", first, n)
	var seen coverage
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			a := runSchedule(t, seed)
			seen.add(a)
			if problems := a.problems(); len(problems) > 0 {
				t.Errorf("to repeat: FAPILOG_SEED=%d FAPILOG_SCHEDULES=1 go test -run '^TestLedgerClosesAfterRandomSchedules$' -count=20 .\n%v\n%v",
					seed, errors.Join(problems...), a.plan)
			}
		})
	}
	t.Log(seen.String())
	if n >= defaultSchedules && first == defaultSeed {
		for _, gap := range seen.gaps() {
			t.Errorf("no schedule had %s", gap)
		}
	}
}

func fromEnv(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// schedule is a plan being carried out, in a bubble.
type schedule struct {
	plan     plan
	start    time.Time
	pipeline *Pipeline
	sinks    []*faultySink
	keepers  []*keeper     // one for each sink
	released chan struct{} // closed when sinks that are stuck may return

	recovering atomic.Bool               // from now on every sink works
	closing    atomic.Pointer[time.Time] // when Close was called
	reentrant  atomic.Uint64
	closed     atomic.Uint64 // records that came after Close

	mu       sync.Mutex
	found    []error
	appended []logged // accepted by the journal
	drops    map[dropped]uint64
	missed   bool // events were
}

// dropped is what an Event of kind EventDropped tells of.
type dropped struct {
	sink   string
	reason Reason
}

func (s *schedule) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, fmt.Errorf(format, args...))
}

func (s *schedule) recovered() bool { return s.recovering.Load() }

// phase returns the index of the phase that it is time for.
func (s *schedule) phase() int {
	at := time.Since(s.start)
	for i, length := range s.plan.phases {
		if at -= length; at < 0 {
			return i
		}
	}
	return len(s.plan.phases) - 1
}

// runSchedule carries out the plan of a seed. The bubble ends when no goroutine
// is left.
func runSchedule(t *testing.T, seed uint64) (a *account) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := &schedule{
			plan:     drawPlan(seed),
			start:    time.Now(),
			released: make(chan struct{}),
			drops:    make(map[dropped]uint64),
		}
		s.open(t, dir)
		var work sync.WaitGroup
		for i := range s.plan.producers {
			work.Go(func() { s.produce(i) })
		}
		for _, f := range s.plan.flushes {
			work.Go(func() { s.flush(f) })
		}
		work.Go(s.watch)
		if s.plan.healthy {
			s.recover(&work)
		} else {
			time.Sleep(s.plan.close.at)
		}
		end := s.close()
		if !s.plan.healthy {
			close(s.released)
		}
		work.Wait()
		time.Sleep(time.Hour) // every Write has returned
		synctest.Wait()
		a = s.account(dir, end)
	})
	return a
}

// open opens the pipeline and puts obstacles in place of quarantines that are
// to fail.
func (s *schedule) open(t *testing.T, dir string) {
	p := &s.plan
	cfg := Config{
		Journal:     p.journal,
		MaxRecord:   4 << 10,
		Serial:      p.serial,
		Grace:       p.close.grace,
		Diagnostics: slog.New(slog.DiscardHandler),
		OnEvent:     s.event,
	}
	if p.durable {
		cfg.Journal.Dir = filepath.Join(dir, "journal")
	}
	var broken, mended []string
	for i := range p.sinks {
		sp := &p.sinks[i]
		if sp.quarantine != noQuarantine && sp.quarantine != journalQuarantine {
			sp.delivery.Quarantine = filepath.Join(dir, sp.name)
			switch sp.quarantine {
			case mendedQuarantine:
				mended = append(mended, sp.delivery.Quarantine)
				fallthrough
			case brokenQuarantine:
				broken = append(broken, sp.delivery.Quarantine)
			}
		}
		f := &faultySink{plan: *sp, schedule: s, random: rand.New(rand.NewPCG(p.seed, uint64(i+1)))}
		s.sinks = append(s.sinks, f)
		r := Route{Name: sp.name, Sink: f, Standby: sp.standby, Delivery: sp.delivery}
		if sp.standby { // what it may not say: it writes all that is diverted to it, at once
			r.Delivery.Level, r.Delivery.Linger, r.Delivery.OnFull, r.Delivery.BlockTimeout = nil, 0, 0, 0
		}
		if sp.pings {
			r.Sink = pingingSink{f}
		}
		if sp.filter > 0 && !sp.standby {
			r.Filter = sp.filterFunc()
		}
		cfg.Routes = append(cfg.Routes, r)
	}
	var err error
	if s.pipeline, err = New(t.Context(), cfg); err != nil {
		t.Fatalf("%v\n%v", err, p)
	}
	for _, path := range broken {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	time.AfterFunc(p.total()/2, func() {
		for _, path := range mended {
			_ = os.Remove(path)
		}
	})
	s.keepers = keepers(s.pipeline)
	for i, d := range s.pipeline.deliveries {
		r := rand.New(rand.NewPCG(p.seed, uint64(100+i)))
		d.post(func(time.Time) { d.random = r.Float64 })
	}
	synctest.Wait()
}

// filterFunc returns a filter that panics for some of the records that it is to
// let through.
func (s *sinkPlan) filterFunc() func(sink.Record) bool {
	return func(r sink.Record) bool {
		l, err := parseLogged(r.JSON)
		switch {
		case err != nil:
			return true // the sink finds out
		case s.refuses(l):
			return false
		case l.n%11 == 5:
			panic("filter")
		}
		return true
	}
}

// event is Config.OnEvent.
func (s *schedule) event(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed = s.missed || e.Missed > 0
	if e.Kind == EventDropped {
		s.drops[dropped{e.Sink, e.Reason}] += e.Count
	}
}

// recover lets the faults end with the last phase. After the longest wait that a
// destination can ask for everything has to be settled.
func (s *schedule) recover(work *sync.WaitGroup) {
	time.Sleep(s.plan.total())
	s.recovering.Store(true)
	close(s.released)
	work.Wait()
	time.Sleep(2 * longestHold)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := s.pipeline.Flush(ctx); err != nil {
		s.problem("every sink works, but Flush returned %v", err)
	}
	for _, row := range s.pipeline.Stats().Sinks {
		if row.Pending != 0 || row.PendingBytes != 0 {
			s.problem("every sink works, but %s has %d records left, %d bytes", row.Name, row.Pending, row.PendingBytes)
		}
	}
}
