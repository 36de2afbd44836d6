package journal

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/disk/disktest"
)

// How many seeds the random lives are tried with, and the first of them.
const (
	seedsVariable = "FAPILOG_SEEDS" // 200 by default
	seedVariable  = "FAPILOG_SEED"  // 0 by default
)

// Through random lives on a disk that fails now and then, with kills between any
// two operations on it: what each sink settles, and what it is told is lost, is
// every record that was accepted, once.
func TestRandomLivesAreSettledOrCountedForEverySink(t *testing.T) {
	seeds, err := strconv.ParseUint(os.Getenv(seedsVariable), 10, 64)
	if err != nil {
		seeds = 200
		if testing.Short() || raceEnabled {
			seeds = 20
		}
	}
	first, _ := strconv.ParseUint(os.Getenv(seedVariable), 10, 64)
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runLives(t, seed) })
		})
	}
}

// livesModel is an account of what a directory's journals were given and have
// given back: records by number, no positions, no files.
type livesModel struct {
	t      *testing.T
	rng    *rand.Rand
	fs     *disktest.Faulty
	dir    string
	sinks  []*modelSink
	failed bool // the disk has ever failed

	records []livesRecord // of all lives
	lives   []modelLife
	end     []func() // of the faults there are

	// The life at present.
	j       *Journal
	whole   bool // it has what every earlier life has left
	calling atomic.Bool
	frozen  chan struct{} // the disk stands still until resume is closed
	resume  chan struct{}
}

type livesRecord struct {
	level slog.Level
	size  int
	must  bool // it was on disk when its process ended, if that has ended
	named string
}

// modelLife is what a life was given: the records up to end, from where the life
// before ended, of which those up to safe were on disk.
type modelLife struct{ safe, end int }

// modelSink is a sink that all lives have, or some.
type modelSink struct {
	key      string
	minLevel slog.Level
	visits   bool // it is there in some lives only
	seen     map[int]bool
	loose    bool         // an acknowledgement could not be kept
	settled  map[int]bool // for good, and not to come again

	// In the life at present.
	c       *Cursor
	told    Position
	owed    uint64 // by Position, when it was made
	batches []modelBatch
	fresh   []int // settled, which may not have been kept
}

// modelBatch is what one Read has returned.
type modelBatch struct {
	next    uint64
	tally   Tally
	numbers []int
}

func runLives(t *testing.T, seed uint64) {
	m := &livesModel{
		t: t, rng: rand.New(rand.NewPCG(seed, 11)),
		dir: filepath.Join(t.TempDir(), "journal"),
		sinks: []*modelSink{
			{key: "all", minLevel: everyLevel},
			{key: "warnings", minLevel: slog.LevelWarn},
			{key: "visits", minLevel: everyLevel, visits: true},
		},
	}
	for _, s := range m.sinks {
		s.seen, s.settled = map[int]bool{}, map[int]bool{}
	}
	m.open()
	for range 40 {
		m.step()
		m.check()
		if t.Failed() {
			t.Logf("to repeat it: %s=%d %s=1", seedVariable, seed, seedsVariable)
			m.mend()
			m.j.Close()
			return
		}
	}
	m.mend()
	for range 6 {
		time.Sleep(time.Second)
		synctest.Wait()
	}
	if !m.j.Health().OnDisk {
		t.Errorf("the disk is well, and %+v", m.j.Health())
	}
	m.restart(false)
	m.settleEverything()
	m.restart(false)
	m.finalCheck()
	m.j.Close()
}

// call makes a call of the journal's by which the disk is not to be stopped.
func (m *livesModel) call(f func()) {
	m.calling.Store(true)
	defer m.calling.Store(false)
	f()
}

func (m *livesModel) step() {
	switch n := m.rng.IntN(100); {
	case n < 40:
		m.append(1 + m.rng.IntN(50))
	case n < 60:
		m.read(m.sinks[m.rng.IntN(len(m.sinks))])
	case n < 80:
		m.ack(m.sinks[m.rng.IntN(len(m.sinks))])
	case n < 84:
		time.Sleep(time.Duration(m.rng.IntN(3000)) * time.Millisecond)
	case n < 88:
		m.fail()
	case n < 92:
		m.mend()
	case n < 95:
		m.restart(true)
	case n < 97:
		m.restart(false)
	default:
		m.freeze()
	}
	synctest.Wait()
	if m.frozen != nil {
		select {
		case <-m.frozen:
			m.restart(true)
		default:
		}
	}
	m.safe()
}

// safe notes whether everything is on disk now.
func (m *livesModel) safe() {
	if !m.j.Health().OnDisk {
		m.failed = true // it has stood still for too long, perhaps
		return
	}
	m.lives[len(m.lives)-1].safe = len(m.records)
	for _, s := range m.sinks {
		for _, n := range s.fresh {
			s.settled[n] = true
		}
		s.fresh = nil
	}
}

func (m *livesModel) append(n int) {
	for range n {
		r := livesRecord{level: slog.Level(4 * (m.rng.IntN(4) - 1)), size: 8 + m.rng.IntN(200)}
		if m.rng.IntN(20) == 0 {
			r.size = 8 + m.rng.IntN(m.j.MaxPayload()-7)
		}
		number := len(m.records)
		var err error
		start := time.Now()
		m.call(func() { err = m.j.Append(start, r.level, modelPayload(number, r.size)) })
		if err != nil {
			m.t.Error(err)
			return
		}
		if d := time.Since(start); d > diskPatience {
			m.t.Errorf("an append waited %v", d)
		}
		m.records = append(m.records, r)
		m.lives[len(m.lives)-1].end++
		if m.rng.IntN(4) > 0 {
			synctest.Wait()
		}
	}
}

// modelPayload is a record that says its number and what follows from it.
func modelPayload(number, size int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(number))
	for i := 8; i < size; i++ {
		b = append(b, byte(number*31+i))
	}
	return b
}

func (m *livesModel) read(s *modelSink) {
	if s.c == nil {
		return
	}
	var b Batch
	var filtered int
	m.call(func() {
		filtered, _ = s.c.Read(&b, ReadLimits{Records: 1 + m.rng.IntN(60), MinLevel: s.minLevel})
	})
	p := s.c.Position()
	batch := modelBatch{next: p.Next, tally: Tally{
		Filtered: uint64(filtered), Delivered: uint64(b.Len()),
		Overflow: p.Lost - s.told.Lost, Corrupt: p.Corrupt - s.told.Corrupt,
	}}
	s.told = p
	for e := range b.All() {
		batch.numbers = append(batch.numbers, m.recognize(s, e))
	}
	s.batches = append(s.batches, batch)
}

// recognize returns the number of a record that was read for s.
func (m *livesModel) recognize(s *modelSink, e Entry) int {
	number := int(binary.LittleEndian.Uint64(e.Data))
	if number >= len(m.records) {
		m.t.Fatalf("%s: record %d was never appended", s.key, number)
	}
	r := &m.records[number]
	if string(e.Data) != string(modelPayload(number, r.size)) || e.Level != r.level || e.Level < s.minLevel {
		m.t.Errorf("%s: record %d is %+v", s.key, number, e)
	}
	name := fmt.Sprintf("%x %d", e.Journal, e.Seq)
	if r.named != "" && r.named != name {
		m.t.Errorf("%s: record %d was %s and is %s", s.key, number, r.named, name)
	}
	r.named = name
	if s.settled[number] {
		m.t.Errorf("%s: record %d comes again, and was settled", s.key, number)
	}
	s.seen[number] = true
	return number
}

// ack settles some of what s has read, the oldest first.
func (m *livesModel) ack(s *modelSink) {
	n := m.rng.IntN(len(s.batches) + 1)
	for _, b := range s.batches[:n] {
		var err error
		m.call(func() { err = s.c.Ack(b.next, b.tally) })
		if err == nil {
			s.fresh = append(s.fresh, b.numbers...)
		} else {
			s.loose = true // losses may come to light once more, see Ack
		}
	}
	s.batches = s.batches[n:]
}

// restart ends the life at present, by a kill or in order, and begins the next.
func (m *livesModel) restart(kill bool) {
	m.safe()
	for i := m.begun(); i < m.lives[len(m.lives)-1].safe; i++ {
		m.records[i].must = m.traced(i)
	}
	if kill {
		// From here on the process changes nothing: that is what a kill leaves.
		m.fs.Fail(disktest.Every, "*", syscall.EIO)
		m.thaw()
	} else if m.frozen != nil || m.rng.IntN(4) > 0 {
		m.mend()
	}
	m.call(m.j.Close)
	m.open()
}

// traced reports whether the record i of the life at present leaves a trace if that
// ends now. When the disk fails, what was on it may be evicted, and all that says
// so be in memory.
func (m *livesModel) traced(i int) bool {
	j := m.j
	if j.Health().OnDisk {
		return true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	position := j.own().first + uint64(i-m.begun())
	for s := j.oldest; s != nil; s = s.next {
		if s.firstSeq <= position && (!s.sealed || position < s.endSeq) {
			return true
		}
	}
	return false
}

// begun returns the first record of the life at present.
func (m *livesModel) begun() int {
	if n := len(m.lives); n > 1 {
		return m.lives[n-2].end
	}
	return 0
}

func (m *livesModel) open() {
	time.Sleep(time.Nanosecond) // lives are in the order in which they began
	m.fs = disktest.New(disk.OS())
	m.end, m.frozen = nil, nil
	if m.rng.IntN(8) == 0 {
		m.fs.SetSpace(0)
		m.failed = true
	}
	m.fs.SetMappable(m.rng.IntN(4) > 0)
	segments := []int64{4, 8, 16, 64}[m.rng.IntN(4)]
	m.call(func() {
		j, err := openOn(m.fs, Config{Dir: m.dir, MaxBytes: segments << 12, SegmentBytes: 4 << 10})
		if err != nil {
			m.t.Fatal(err)
		}
		m.j = j
	})
	h := m.j.Health()
	m.whole = h.OnDisk && len(h.Problems) == 0
	m.lives = append(m.lives, modelLife{safe: len(m.records), end: len(m.records)})
	for _, i := range m.rng.Perm(len(m.sinks)) {
		m.call(func() { m.attach(m.sinks[i]) })
		if m.rng.IntN(2) == 0 {
			synctest.Wait() // the custodian comes in between, or not
		}
	}
	m.call(m.j.Ready)
}

// attach makes the cursor of s in a new life.
func (m *livesModel) attach(s *modelSink) {
	s.c, s.batches, s.fresh, s.told = nil, nil, nil, Position{}
	if s.visits && m.rng.IntN(2) == 0 {
		return
	}
	s.c = m.j.NewCursor(CursorConfig{Key: s.key})
	p := s.c.Position()
	s.owed = p.Passed + p.Unread
	if s.visits || !m.whole {
		return
	}
	must, all := m.total()
	if sum := s.c.Settled().Appended() + s.owed; sum < must || sum > all && !s.loose {
		m.t.Errorf("%s begins with %d records, of %d to %d: %+v; %+v", s.key, sum, must, all, s.c.Settled(), p)
	}
}

// total returns how many records of earlier lives there have to be, and how many
// there may be.
func (m *livesModel) total() (must, all uint64) {
	for _, r := range m.records {
		if r.must {
			must++
		}
	}
	return must, uint64(len(m.records))
}

// check compares what the journal says of its cursors with what it was given.
func (m *livesModel) check() {
	given := uint64(len(m.records) - m.begun())
	if got := m.j.Accepted(); got != given {
		m.t.Errorf("accepted %d of %d", got, given)
	}
	for _, s := range m.sinks {
		if s.c == nil {
			continue
		}
		if p := s.c.Position(); p.Passed+p.Unread != s.owed+given || p.Lost+p.Corrupt > p.Passed {
			m.t.Errorf("%s: %+v, of %d and %d", s.key, p, s.owed, given)
		}
	}
}

// settleEverything has every sink settle what there is.
func (m *livesModel) settleEverything() {
	for _, s := range m.sinks {
		for s.c != nil && !s.c.Arm(1, 0) {
			m.read(s)
			for _, b := range s.batches {
				if err := s.c.Ack(b.next, b.tally); err != nil {
					m.t.Error(err)
				}
			}
			s.batches = nil
		}
	}
	synctest.Wait()
}

// finalCheck looks at what is settled when everything is.
func (m *livesModel) finalCheck() {
	must, all := m.total()
	for _, s := range m.sinks {
		if s.c == nil || s.visits {
			continue
		}
		tally, p := s.c.Settled(), s.c.Position()
		if sum := tally.Appended(); p.Unread > 0 || sum < must || sum > all && !s.loose {
			m.t.Errorf("%s: %d settled of %d to %d: %+v; %+v", s.key, sum, must, all, tally, p)
		}
		missing := uint64(0)
		for n, r := range m.records {
			if r.must && r.level >= s.minLevel && !s.seen[n] {
				missing++
			}
		}
		if counted := tally.Overflow + tally.Corrupt; missing > counted {
			m.t.Errorf("%s has never seen %d records; counted %d: %+v", s.key, missing, counted, tally)
		}
		if !m.failed && (tally.Corrupt > 0 || tally.Gone > 0) {
			m.t.Errorf("%s: %+v on a disk that never failed", s.key, tally)
		}
	}
}
