package journal

import "time"

// kick makes the keeper look at the marks.
func (j *Journal) kick() {
	if j.kicked.Load() || !j.kicked.CompareAndSwap(false, true) {
		return // it has yet to look
	}
	select {
	case j.kicks <- struct{}{}:
	default:
	}
}

// keep is the keeper, the journal's goroutine. It wakes cursors, prepares
// segments and takes stamps, so that appends need not. It has no timer running
// unless there was an append since its last stamp was due.
func (j *Journal) keep() {
	defer close(j.done)
	due := time.NewTimer(stampEvery) // for the next stamp
	due.Stop()
	defer due.Stop()
	stampArmed, counting := true, false // counting: due is running
	for {
		if !stampArmed && !counting {
			due.Reset(stampEvery)
			counting = true
		}
		select {
		case <-j.kicks:
			// Before looking: whoever finds it set has reserved before this.
			j.kicked.Store(false)
			stampArmed = j.lookAtMarks()
			j.prepare()
		case <-due.C:
			counting = false
			stampArmed = j.armStamp()
		case <-j.quit:
			j.lookAtMarks() // what the last appends have kicked for
			return
		}
	}
}

// lookAtMarks wakes the cursors whose marks the reserved end has reached and
// takes a stamp if that is due. It reports whether a mark for the next stamp is
// set.
func (j *Journal) lookAtMarks() (stampArmed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	off, seq := j.reservedEnd()
	for _, c := range j.cursors {
		if c.armed && (j.wakeAll || seq > c.seqMark || off >= c.offMark) {
			c.armed = false
			select {
			case c.wake <- struct{}{}:
			default: // it has yet to take an earlier one
			}
		}
	}
	j.wakeAll = false
	if j.stampIfDue(seq) && j.store != nil {
		j.store.kick() // to look, now and then, whether everything is there
	}
	j.setMarks()
	return j.stampAt != noMark
}

// setMarks sets the marks that appends compare with to the least of those that
// somebody has. It has j.mu.
func (j *Journal) setMarks() {
	seq, off := j.stampAt, j.spareAt
	for _, c := range j.cursors {
		if c.armed {
			seq, off = min(seq, c.seqMark), min(off, c.offMark)
		}
	}
	j.seqMark.Store(seq)
	j.offMark.Store(off)
}

// prepare gets ready for the next segment once the active one is half full: it
// finds out how far the log is published and sees to it that there is memory,
// already backed by the system, so that no append pays for its first touch.
func (j *Journal) prepare() {
	j.mu.Lock()
	if off, _ := j.reservedEnd(); off < j.spareAt || j.sealed {
		j.mu.Unlock()
		return
	}
	j.spareAt = noMark
	j.setMarks()
	previous := j.uncheckedPrevious()
	j.mu.Unlock()

	if previous != nil {
		j.checkPrevious(previous)
	}
	if j.store != nil {
		j.store.kick()
		return
	}

	if j.reserveSpare() {
		seg := newSegment(j.segmentBytes)
		seg.touch()
		j.addSpare(seg)
	}
}

// reserveSpare reports whether a spare segment is of use, and keeps room for it
// within the limit.
func (j *Journal) reserveSpare() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	reusable := j.oldest != j.active && j.passedByAll(j.oldest)
	if len(j.free) > 0 || reusable || !j.mayGrow() {
		return false
	}
	j.preparing = true
	j.live++
	return true
}

func (j *Journal) addSpare(seg *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.preparing = false
	j.free = append(j.free, seg)
	j.releaseWaiting()
}
