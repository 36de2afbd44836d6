package fapilog

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
)

// plan is one random schedule: what is configured, what is logged when, how
// every sink behaves in every phase, and how it ends. It follows from the seed
// alone.
type plan struct {
	seed      uint64
	journal   journal.Config
	durable   bool // the journal is on disk
	serial    bool
	sinks     []sinkPlan
	producers []producerPlan
	phases    []time.Duration // lengths; each sink has a mix of faults for each
	flushes   []flushPlan
	samples   int // how often Stats is looked at
	healthy   bool
	close     closePlan
}

// sinkPlan is one sink: its delivery and its faults.
type sinkPlan struct {
	name       string
	standby    bool
	filter     int // 0: none; n: refuses every nth record of a producer
	delivery   Delivery
	fallback   int // index; -1: none
	mixes      []mix
	strict     bool // refuses a whole batch that has poison in it
	largest    int  // bytes of JSON that it takes in one batch; 0: any number
	pings      bool
	reentrant  bool // logs from inside its Write
	quarantine quarantineKind
	close      closeKind
}

type quarantineKind int

const (
	noQuarantine quarantineKind = iota
	goodQuarantine
	journalQuarantine // that in the journal's directory, which is the default
	brokenQuarantine  // a file stands where the directory should be
	mendedQuarantine  // until half of the schedule is over
)

type closeKind int

const (
	closeWell closeKind = iota
	closeFails
	closePanics
	closeHangs
)

// producerPlan is one goroutine that logs bursts.
type producerPlan struct {
	bursts   []burstPlan
	asLines  bool // WriteLine in place of Handle
	largest  int  // bytes of padding
	smallest int
}

type burstPlan struct {
	wait    time.Duration
	records int
}

type flushPlan struct{ at, timeout time.Duration }

// closePlan says when Close is called, and how long it may take.
type closePlan struct {
	at        time.Duration // not in a healthy schedule, which ends when everything has been delivered
	cancelled bool          // with a context that has ended
	deadline  time.Duration // 0: none, Config.Grace counts
	cancel    time.Duration // when positive: the context ends so long after the call
	second    bool          // another Close at the same time
	grace     time.Duration
}

func (p plan) total() (d time.Duration) {
	for _, phase := range p.phases {
		d += phase
	}
	return d
}

// longestWait returns how long a call may wait when the journal is full; less
// than zero: for ever.
func (p plan) longestWait() (d time.Duration) {
	for _, s := range p.sinks {
		switch {
		case s.standby || s.delivery.OnFull != Block:
		case s.delivery.BlockTimeout == Forever:
			return Forever
		default:
			d = max(d, s.delivery.BlockTimeout)
		}
	}
	return d
}

// String tells what was drawn, for a failure's message.
func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "journal %+v, durable %t, serial %t, phases %v, healthy %t, close %+v, flushes %v\n", p.journal, p.durable, p.serial, p.phases, p.healthy, p.close, p.flushes)
	for _, s := range p.sinks {
		fmt.Fprintf(&b, "  %+v\n", s)
	}
	for _, producer := range p.producers {
		fmt.Fprintf(&b, "  producer %+v\n", producer)
	}
	return b.String()
}

// drawPlan makes the plan of a seed.
func drawPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 0))
	p := plan{
		seed:    seed,
		durable: seed%4 == 0,
		journal: journal.Config{MaxBytes: pick[int64](r, 16<<10, 32<<10, 64<<10, 256<<10)},
		serial:  chance(r, 15),
		samples: 5 + r.IntN(20),
		healthy: chance(r, 40),
	}
	for range 2 + r.IntN(5) {
		p.phases = append(p.phases, pick(r, between(r, 10*time.Millisecond, time.Second), between(r, time.Second, time.Minute)))
	}
	total := p.total()
	n := 2 + r.IntN(3)
	if chance(r, 25) {
		n = 2 + r.IntN(7)
	}
	for i := range n {
		p.sinks = append(p.sinks, drawSink(r, i, n, len(p.phases)))
	}
	matchStandbys(p.sinks)
	for i := range p.sinks {
		if s := &p.sinks[i]; p.durable && s.quarantine == noQuarantine {
			s.quarantine = journalQuarantine
		}
	}
	for range 1 + r.IntN(6) {
		p.producers = append(p.producers, drawProducer(r, total))
	}
	for range r.IntN(4) {
		p.flushes = append(p.flushes, flushPlan{between(r, 0, total), pick(r, 0, between(r, 0, time.Second), between(r, 0, time.Minute))})
	}
	p.close = drawClose(r, total)
	return p
}

// drawSink draws sink i of n. Only later sinks are fallbacks: there is no
// circle.
func drawSink(r *rand.Rand, i, n, phases int) sinkPlan {
	s := sinkPlan{
		name:      fmt.Sprintf("s%d", i),
		fallback:  -1,
		delivery:  drawDelivery(r),
		strict:    chance(r, 15),
		pings:     chance(r, 40),
		reentrant: chance(r, 10),
	}
	if chance(r, 20) {
		s.filter = 2 + r.IntN(6)
	}
	if chance(r, 15) {
		s.largest = 200 + r.IntN(8000)
	}
	if chance(r, 40) {
		s.quarantine = pick(r, goodQuarantine, goodQuarantine, brokenQuarantine, mendedQuarantine)
	}
	if chance(r, 15) {
		s.close = pick(r, closeFails, closePanics, closeHangs)
	}
	if i+1 < n && chance(r, 35) {
		s.fallback = i + 1 + r.IntN(n-i-1)
		s.delivery.OnOpen, s.delivery.Fallback = Fallback, fmt.Sprintf("s%d", s.fallback)
		s.delivery.Breaker.Off = false
	}
	mixes := []mix{mixOf(r), mixOf(r)}
	for range phases {
		s.mixes = append(s.mixes, pick(r, mixes...))
	}
	return s
}

// matchStandbys makes some fallbacks standbys: those that receive only what
// others divert.
func matchStandbys(sinks []sinkPlan) {
	for i := range sinks {
		if f := sinks[i].fallback; f >= 0 && sinks[i].delivery.Linger%2 == 0 {
			sinks[f].standby = true
		}
	}
}

func drawDelivery(r *rand.Rand) Delivery {
	d := Delivery{
		Level:        pick(r, slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn),
		BatchRecords: 1 + r.IntN(50),
		BatchBytes:   pick(r, 1<<20, 200+r.IntN(20_000)),
		Linger:       pick(r, -1, between(r, 1, 50*time.Millisecond), between(r, 1, time.Second)),
		Timeout:      pick(r, between(r, 5*time.Millisecond, time.Second), between(r, time.Second, 10*time.Second)),
		RetryBase:    between(r, time.Millisecond, time.Second),
		InFlight:     pick(r, 1, 1, 2, 3),
		Breaker: breaker.Config{
			Off:      chance(r, 20),
			Failures: 1 + r.IntN(5),
			Recovery: between(r, 10*time.Millisecond, 20*time.Second),
			Probes:   1 + r.IntN(3),
		},
		OnOpen: pick(r, Hold, Hold, Skip),
		OnFull: pick(r, DropOldest, DropOldest, Block),
	}
	d.RetryMax = d.RetryBase * time.Duration(1+r.IntN(30))
	if chance(r, 20) {
		d.RetryFor = between(r, 10*time.Millisecond, 30*time.Second)
	}
	d.BlockTimeout = pick(r, between(r, time.Millisecond, 200*time.Millisecond), between(r, time.Millisecond, 200*time.Millisecond), Forever)
	return d
}

func drawProducer(r *rand.Rand, total time.Duration) producerPlan {
	p := producerPlan{asLines: chance(r, 30), smallest: r.IntN(100)}
	p.largest = p.smallest + 1 + pick(r, r.IntN(50), r.IntN(300), r.IntN(1500))
	n := 1 + r.IntN(8)
	for range n {
		p.bursts = append(p.bursts, burstPlan{
			wait:    between(r, 0, 2*total/time.Duration(n)),
			records: pick(r, 1+r.IntN(3), 1+r.IntN(30), 1+r.IntN(120)),
		})
	}
	return p
}

func drawClose(r *rand.Rand, total time.Duration) closePlan {
	c := closePlan{
		at:        between(r, 0, total+total/4),
		cancelled: chance(r, 10),
		deadline:  pick(r, 0, between(r, 1, 100*time.Millisecond), between(r, time.Millisecond, 5*time.Second), between(r, time.Second, 5*time.Minute)),
		second:    chance(r, 25),
		grace:     between(r, time.Millisecond, 20*time.Second),
	}
	if chance(r, 15) {
		c.cancel = between(r, 1, 10*time.Second)
	}
	return c
}

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}
