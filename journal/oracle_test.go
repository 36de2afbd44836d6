package journal

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// model is an independent account of what a journal must do: plain slices, no
// offsets, no pins, no laps.
type model struct {
	segments     int // that fit
	segmentBytes int
	records      []modelRecord
	starts       []uint64 // first sequence of each segment retained; the last one is active
	used         int      // bytes of the active one
	cursors      []*modelCursor
}

type modelRecord struct {
	payload []byte
	level   slog.Level
}

type modelCursor struct {
	next, read, filtered, lost uint64
	block, blocking, exhausted bool
	timeout                    time.Duration
}

// append adds a record and returns how long that has to wait.
func (m *model) append(r modelRecord) (wait time.Duration) {
	need := 32 + (len(r.payload)+7)/8*8
	if m.used+need > m.segmentBytes {
		wait = m.rotate()
		m.used = 0
	}
	m.used += need
	m.records = append(m.records, r)
	return wait
}

func (m *model) rotate() (wait time.Duration) {
	for len(m.starts) > 1 && len(m.cursors) > 0 {
		passed := true
		for _, c := range m.cursors {
			passed = passed && c.next >= m.starts[1]
		}
		if !passed {
			break
		}
		m.starts = m.starts[1:]
	}
	if len(m.starts) == m.segments {
		for _, c := range m.cursors {
			if c.blocking && !c.exhausted && c.next < m.starts[1] {
				wait = max(wait, c.timeout)
				c.exhausted = true
			}
		}
		m.starts = m.starts[1:]
		m.settle()
	}
	m.starts = append(m.starts, uint64(len(m.records)))
	return wait
}

func (m *model) settle() {
	for _, c := range m.cursors {
		if oldest := m.starts[0]; c.next < oldest {
			c.lost += oldest - c.next
			c.next = oldest
		}
	}
}

// move takes c to next, which it has read or filtered.
func (m *model) move(c *modelCursor, next uint64) {
	for _, start := range m.starts[1:] {
		if c.next < start && next >= start {
			c.exhausted = false
		}
	}
	c.next = next
}

func TestEveryRecordIsReadFilteredSkippedOrLostExactly(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() || raceEnabled {
		seeds = 60
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runSchedule(t, seed) })
		})
	}
}

// runSchedule takes random steps with a journal and its model, and compares the
// two after each.
func runSchedule(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	m := &model{segments: 2 + rng.IntN(5), segmentBytes: 128 << rng.IntN(5), starts: []uint64{0}}
	j := newJournal(t, m.segments, m.segmentBytes)
	var cursors []*Cursor
	speed := map[*Cursor]int{}
	addCursor := func() {
		mc := &modelCursor{next: m.starts[0], timeout: time.Duration(1+rng.IntN(50)) * time.Millisecond}
		mc.block = rng.IntN(2) == 0
		mc.blocking = mc.block
		m.cursors = append(m.cursors, mc)
		c := j.NewCursor(CursorConfig{Block: mc.block, BlockTimeout: mc.timeout, Wake: make(chan struct{}, 1)})
		speed[c] = 1 + rng.IntN(40)
		cursors = append(cursors, c)
	}
	for range rng.IntN(4) {
		addCursor()
	}
	var b Batch
	for step := range 600 {
		i := -1
		if len(cursors) > 0 {
			i = rng.IntN(len(cursors))
		}
		switch n := rng.IntN(100); {
		case n < 60 || i < 0:
			stepAppend(t, rng, j, m)
		case n < 85:
			stepRead(t, rng, m, cursors[i], m.cursors[i], &b, speed[cursors[i]])
		case n < 93:
			mc := m.cursors[i]
			on := rng.IntN(2) == 0
			cursors[i].SetBlocking(on)
			mc.blocking = mc.block && on
		case n < 95:
			cursors[i].Arm(rng.IntN(10), rng.IntN(1000))
		case n < 96 && len(cursors) < 5:
			addCursor()
		case n < 97:
			cursors[i].detach()
			cursors = append(cursors[:i:i], cursors[i+1:]...)
			m.cursors = append(m.cursors[:i:i], m.cursors[i+1:]...)
		}
		limit := int64(m.segments * m.segmentBytes)
		if rng.IntN(3) == 0 {
			synctest.Wait() // the keeper comes in between, or not
		} else {
			limit += int64(m.segmentBytes) // it may be in one that has just been evicted
		}
		if b := j.Bytes(); b > limit {
			t.Errorf("step %d: %d bytes, the limit is %d", step, b, limit)
		}
		compare(t, step, j, m, cursors)
		if t.Failed() {
			return
		}
	}
}

func stepAppend(t *testing.T, rng *rand.Rand, j *Journal, m *model) {
	size := rng.IntN(100)
	switch rng.IntN(10) {
	case 0:
		size = rng.IntN(j.MaxPayload() + 1)
	case 1:
		size = 0
	}
	r := modelRecord{make([]byte, min(size, j.MaxPayload())), slog.Level(4 * (rng.IntN(4) - 1))}
	for i := range r.payload {
		r.payload[i] = byte(rng.Uint32())
	}
	start := time.Now()
	if err := j.Append(time.Unix(0, int64(len(m.records))), r.level, r.payload); err != nil {
		t.Error(err)
	}
	if wait, want := time.Since(start), m.append(r); wait != want {
		t.Errorf("the append of %d waited %v, want %v", len(m.records)-1, wait, want)
	}
}

func stepRead(t *testing.T, rng *rand.Rand, m *model, c *Cursor, mc *modelCursor, b *Batch, speed int) {
	l := ReadLimits{Records: rng.IntN(speed), Bytes: rng.IntN(2000), MinLevel: slog.Level(4 * (rng.IntN(4) - 1))}
	filtered, more := c.Read(b, l)

	next, wantFiltered, wantMore, size := mc.next, 0, false, 0
	var want []uint64
	for ; next < uint64(len(m.records)); next++ {
		r := m.records[next]
		if r.level < l.MinLevel {
			wantFiltered++
			continue
		}
		size += len(r.payload)
		if n := len(want); n > 0 && (l.Records > 0 && n == l.Records || l.Bytes > 0 && size > l.Bytes) {
			wantMore = true
			break
		}
		want = append(want, next)
	}
	if filtered != wantFiltered || more != wantMore || b.Len() != len(want) {
		t.Errorf("Read(%+v) returned %d, %t and %d records, want %d, %t and %d", l, filtered, more, b.Len(), wantFiltered, wantMore, len(want))
		return
	}
	for i := range b.Len() {
		e := b.At(i)
		r := m.records[want[i]]
		if e.Seq != want[i] || e.Level != r.level || e.Time.UnixNano() != int64(want[i]) || !bytes.Equal(e.Data, r.payload) {
			t.Errorf("record %d is not as appended: %+v", want[i], e)
		}
	}
	mc.read += uint64(len(want))
	mc.filtered += uint64(wantFiltered)
	m.move(mc, next)
}

func compare(t *testing.T, step int, j *Journal, m *model, cursors []*Cursor) {
	end := uint64(len(m.records))
	if got := j.End(); got != end {
		t.Errorf("step %d: End is %d, want %d", step, got, end)
	}
	for i, c := range cursors {
		p, mc := c.Position(), m.cursors[i]
		var unread int64
		for _, r := range m.records[mc.next:] {
			unread += int64(32 + (len(r.payload)+7)/8*8)
		}
		if want := (Position{Next: mc.next, End: end, Passed: mc.read + mc.filtered + mc.lost, Unread: end - mc.next, Lost: mc.lost, UnreadBytes: unread}); p != want {
			t.Errorf("step %d: cursor %d is at %+v, want %+v", step, i, p, want)
		}
	}
}
