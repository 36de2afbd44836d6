package journal

import (
	"sort"
	"time"
)

const (
	// stampEvery is the least distance of two stamps.
	stampEvery = 100 * time.Millisecond
	maxStamps  = 1024
	// stampFraction bounds the distance of older stamps: a 32nd of their age.
	// 1024 stamps then reach back for years.
	stampFraction = 32
)

// AppendedAt returns about when the record at position seq was appended: too early by at
// most 100 ms or a 32nd of its age, too late by no more than it took the
// journal's goroutine to run. It carries a reading of the monotonic clock. For a
// record of an earlier life it is when that record's segment was begun. seq is to
// be less than End.
func (j *Journal) AppendedAt(seq uint64) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if end := j.endSeq(); j.stampIfDue(end) {
		j.setMarks()
		j.kick() // the append may find the mark raised; the next stamp is the keeper's to arm
	}
	for s := j.oldest; s.stored != nil; s = s.next {
		if seq < s.endSeq {
			// The clock may have been set back since.
			return time.Unix(0, min(s.stored.Installed, j.store.created.UnixNano()))
		}
	}
	return j.stamps.at(seq)
}

// stampIfDue takes a stamp if the record whose append was to be stamped is in
// the log. It has j.mu.
func (j *Journal) stampIfDue(end uint64) bool {
	if end <= j.stampAt {
		return false
	}
	j.stamps.add(j.stampAt, time.Now())
	j.stampAt = noMark
	return true
}

// armStamp makes the next append one to be stamped. It reports false if that
// has come already, and is stamped.
func (j *Journal) armStamp() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stampAt = j.endSeq()
	j.setMarks()
	// The append that gets this sequence may have compared with the marks before.
	if j.stampIfDue(j.endSeq()) {
		j.setMarks()
		return false
	}
	return true
}

// stamp says that the record seq was appended at a time.
type stamp struct {
	seq uint64
	at  time.Time
}

// stamps holds at most maxStamps of them, ordered. The older they are the
// fewer are kept.
type stamps struct{ list []stamp }

func (s *stamps) add(seq uint64, at time.Time) {
	if n := len(s.list); n > 0 && s.list[n-1].seq == seq {
		s.list[n-1].at = at // the record had not come when that was taken
		return
	}
	for fraction := time.Duration(stampFraction); len(s.list) >= maxStamps; fraction /= 2 {
		s.thin(at, fraction)
	}
	s.list = append(s.list, stamp{seq, at})
}

// thin drops every stamp without which the distance of its neighbours is at
// most stampEvery or a fraction of the older one's age.
func (s *stamps) thin(now time.Time, fraction time.Duration) {
	kept := len(s.list) - 1 // list[kept:] stay
	for i := kept - 1; i > 0; i-- {
		older := s.list[i-1].at
		if s.list[kept].at.Sub(older) > max(stampEvery, now.Sub(older)/fraction) {
			kept--
			s.list[kept] = s.list[i]
		}
	}
	s.list = append(s.list[:1], s.list[kept:]...)
}

// at returns the time of the last stamp that is not later than seq.
func (s *stamps) at(seq uint64) time.Time {
	i := sort.Search(len(s.list), func(i int) bool { return s.list[i].seq > seq })
	return s.list[max(i-1, 0)].at
}
