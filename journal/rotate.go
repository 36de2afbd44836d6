package journal

import (
	"runtime"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
)

// reserveSlowly reserves after it has found the active segment full.
func (j *Journal) reserveSlowly(length int) (reservation, error) {
	need := frame.Bytes(length)
	var w wait
	for {
		if err := j.makeRoom(need, &w); err != nil {
			return reservation{}, err
		}
		if r, ok := j.tryReserve(length); ok {
			return r, nil
		}
	}
}

// wait is what one append remembers from one wait to the next.
type wait struct {
	yielder
	began  time.Time // when it first had to wait for a cursor
	onDisk time.Time // when it first had to wait for the disk
}

// makeRoom returns when the active segment has room for need bytes, or had
// just now: others may be faster. All that find the segment full queue for mu, or for
// checking, and all but the first find room.
func (j *Journal) makeRoom(need uint64, w *wait) error {
	for {
		j.mu.Lock()
		previous := j.uncheckedPrevious()
		switch {
		case j.sealed:
			j.mu.Unlock()
			return ErrClosed
		case j.hasRoom(need):
			j.mu.Unlock()
			return nil
		case previous != nil:
			j.mu.Unlock()
			if !j.checkPrevious(previous) {
				w.yield()
			}
			continue
		}
		seg, until := j.takeSegment(w)
		if seg == nil {
			j.awaitSpace(until)
			continue
		}
		installed := j.install(seg)
		j.mu.Unlock()
		if installed {
			return nil
		}
	}
}

func (j *Journal) hasRoom(need uint64) bool {
	bytes, _ := unpackTail(j.tail.Load())
	return bytes+need <= j.limit // which changes under mu only
}

// previousPublished reports whether the segment before the active one, and with
// it all before that, has only published frames. It has j.mu.
func (j *Journal) previousPublished() bool {
	p := j.uncheckedPrevious()
	if p == nil {
		return true
	}
	j.known = j.published(p, max(j.known, p.base), p.end)
	return j.known == p.end
}

// uncheckedPrevious returns the segment before the active one, or nil if all of its
// frames are known to be published. It has j.mu.
func (j *Journal) uncheckedPrevious() *segment {
	if p := j.previous; p != nil && j.known < p.end {
		return p
	}
	return nil
}

// checkPrevious is previousPublished for p, which uncheckedPrevious has returned, without
// j.mu, which readers need meanwhile: every frame costs a look at memory that another
// processor has written. Whoever finds another at it waits for what that finds out.
func (j *Journal) checkPrevious(p *segment) bool {
	j.checking.Lock()
	defer j.checking.Unlock()
	j.mu.Lock()
	if j.uncheckedPrevious() != p {
		j.mu.Unlock()
		return true
	}
	from := max(j.known, p.base)
	p.pins++
	j.mu.Unlock()

	known := p.end // those of a segment that has failed count as published, see published
	look := func() { known = p.publishedUpTo(from, p.end) }
	if !p.mapped() {
		look()
	} else if !p.faulted.Load() {
		if err := p.guard(look); err != nil {
			j.fault(p, err)
			known = p.end
		}
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	j.known = max(j.known, known)
	j.unpin(p)
	return known == p.end
}

// awaitCheck returns when nobody is in checkPrevious who has a segment pinned. The journal
// is sealed, so nobody begins.
func (j *Journal) awaitCheck() {
	j.checking.Lock()
	defer j.checking.Unlock()
}

// allPublished reports whether every frame that is reserved is published.
func (j *Journal) allPublished() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.previousPublished() {
		return false
	}
	end, _ := j.reservedEnd()
	j.known = j.published(j.active, max(j.known, j.active.base), end)
	return j.known == end
}

// takeSegment returns memory for the next segment, or nil if the append has to
// wait: until the instant until, or without a limit if that is zero. It has
// j.mu, and every segment but the active one is published.
func (j *Journal) takeSegment(w *wait) (seg *segment, until time.Time) {
	j.dropPassed()
	for {
		if seg := j.unused(); seg != nil {
			return seg, time.Time{}
		}
		if until, coming := j.awaitSpare(w); coming {
			return nil, until
		}
		if seg := j.grow(); seg != nil {
			return seg, time.Time{}
		}
		victim := j.victim()
		if until, mustWait := j.blockedUntil(w, victim); mustWait {
			return nil, until
		}
		j.unlink(victim)
	}
}

// dropPassed unlinks the segments that every cursor has passed.
func (j *Journal) dropPassed() {
	for j.oldest != j.active && j.passedByAll(j.oldest) && (j.oldest != j.previous || j.previousPublished()) {
		j.unlink(j.oldest)
	}
}

// unused returns a segment that is ready to be used, or nil.
func (j *Journal) unused() *segment {
	if n := len(j.free); n > 0 {
		seg := j.free[n-1]
		j.free[n-1] = nil
		j.free = j.free[:n-1]
		return seg
	}
	if j.store != nil {
		return j.spareFile()
	}
	return nil
}

// awaitSpare reports whether a segment is being prepared, and until when that is
// waited for; zero: for as long as it takes.
func (j *Journal) awaitSpare(w *wait) (until time.Time, coming bool) {
	if j.store != nil {
		return j.awaitFile(w)
	}
	return time.Time{}, j.preparing
}

// grow returns a new segment in memory if the limit allows it, or nil.
func (j *Journal) grow() *segment {
	if j.store != nil {
		return j.growMemory()
	}
	if !j.mayGrow() {
		return nil
	}
	j.live++
	return newSegment(j.segmentBytes)
}

// mayGrow reports whether there may be another segment. There are always two: one
// is written while the other is evicted.
func (j *Journal) mayGrow() bool {
	return j.live < minSegments || j.bytesOf(j.live+1) <= j.maxBytes
}

// overLimit reports whether there are more segments than there should be.
func (j *Journal) overLimit() bool {
	return j.live > minSegments && j.bytesOf(j.live) > j.maxBytes
}

// bytesOf returns what the journal takes with so many segments of its own.
func (j *Journal) bytesOf(segments int) int64 {
	n := int64(segments) * j.segmentBytes
	if j.store != nil {
		n += j.store.deadBytes
	}
	return n
}

// passedByAll reports whether no cursor will read s any more. Without cursors
// nothing is passed: the log retains what fits.
func (j *Journal) passedByAll(s *segment) bool {
	if j.store != nil && !j.store.ready {
		return false // other cursors are to come
	}
	for _, c := range j.cursors {
		if c.passed() < s.endSeq {
			return false
		}
	}
	return len(j.cursors) > 0
}

// unlink takes a segment, mostly the oldest, out of the log, without waiting for
// readers: cursors find out when they look. It is not the active one.
func (j *Journal) unlink(s *segment) {
	if s == j.oldest {
		j.oldest = s.next
	} else {
		before := j.oldest
		for before.next != s {
			before = before.next
		}
		before.next = s.next
		s.astray = true
	}
	s.next = nil
	if s.pins > 0 {
		s.unlinked = true
		j.countPinned(s, 1)
		return
	}
	j.release(s)
}

// countPinned books n segments like s that readers hold in spite of the limit.
func (j *Journal) countPinned(s *segment, n int) {
	if s.era == j.own() {
		j.live -= n
		j.pinned += n
	}
}

// release lets the memory, or the file, of an unlinked segment be used again.
func (j *Journal) release(s *segment) {
	if j.store != nil {
		j.releaseFile(s)
		return
	}
	j.free = append(j.free, s)
}

// unpin ends a reader's stay in s. It has j.mu.
func (j *Journal) unpin(s *segment) {
	s.pins--
	if s.pins > 0 || !s.unlinked {
		return
	}
	s.unlinked = false
	if j.store != nil || j.mayGrow() { // else another has taken its place
		j.countPinned(s, -1)
		j.release(s)
		return
	}
	j.pinned--
}

// install makes seg the active segment. It has j.mu. It reports false if seg
// turned out to be unusable.
func (j *Journal) install(seg *segment) bool {
	j.shutActive() // so that its end stays where it is
	full := j.active
	off, seq := j.reservedEnd()
	seg.lap++
	seg.sealed = false
	seg.era = full.era
	seg.base, seg.firstSeq, seg.shift = off, seq, full.shift
	seg.ordinal = j.installed
	if j.store != nil && !j.label(seg) {
		return false
	}
	j.installed++

	full.sealed, full.end, full.endSeq = true, off, seq
	full.next = seg
	j.lockTail()
	j.active = seg
	j.limit = uint64(j.segmentBytes)
	j.unlockTail(0)

	j.previous = full
	j.spareAt = off + uint64(j.segmentBytes/2)
	j.setMarks()
	return true
}

// blockedUntil reports whether evicting a segment has to wait for a
// cursor, and until when at most: zero is forever. Each cursor is waited for as
// long as it asks for, counted from the start of the append's first wait; then
// it is exhausted.
func (j *Journal) blockedUntil(w *wait, victim *segment) (until time.Time, blocked bool) {
	for _, c := range j.cursors {
		if !c.blocks(victim) {
			continue
		}
		now := time.Now()
		if w.began.IsZero() {
			w.began = now
		}
		deadline := w.began.Add(c.timeout)
		switch {
		case c.timeout == 0: // forever
		case !now.Before(deadline):
			c.exhausted = true
			continue
		case until.IsZero() || deadline.Before(until):
			until = deadline
		}
		blocked = true
	}
	return until, blocked
}

// awaitSpace waits until a cursor has left a segment, or until the given
// instant if that is not zero. It has j.mu and gives it up. Cursors that linger
// are woken: what they wait for may never come.
func (j *Journal) awaitSpace(until time.Time) {
	space := j.space
	j.waiting++
	j.wakeAll = true
	j.mu.Unlock()
	j.kick()

	var timeout <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-space:
	case <-timeout:
	}

	j.mu.Lock()
	j.waiting--
	j.mu.Unlock()
}

// releaseWaiting makes appends that wait for space look again. It has j.mu.
func (j *Journal) releaseWaiting() {
	if j.waiting > 0 {
		close(j.space)
		j.space = make(chan struct{})
	}
}

// yielder waits for another goroutine to publish its frame, which takes as long
// as a copy unless it was preempted. Nothing may be locked.
type yielder struct{ n int }

func (y *yielder) yield() {
	const (
		polite   = 64
		shortest = 10 * time.Microsecond
		longest  = time.Millisecond
	)
	y.n++
	if y.n <= polite {
		runtime.Gosched()
		return
	}
	time.Sleep(min(shortest<<min(y.n-polite-1, 10), longest))
}
