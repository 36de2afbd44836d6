package loki

import (
	"time"

	"github.com/fapilog/fapilog/sink"
)

// stamps are the times of records that have none of their own: that of the first
// attempt, each a nanosecond later than the one before, so that records that are alike
// are told apart. A later attempt finds them here, or Loki would take the
// record for another one. The zero stamps are ready to use.
type stamps struct {
	given map[sink.ID]int64
	last  int64
}

// maxStamps bounds the memory. Records that are never delivered leave theirs behind; when
// there are so many, all are forgotten.
const maxStamps = 1 << 16

// of returns the time of a record. Records without an id cannot be recognised.
func (s *stamps) of(id sink.ID, now time.Time) int64 {
	if at, ok := s.given[id]; ok {
		return at
	}
	s.last = max(s.last+1, now.UnixNano())
	if id != (sink.ID{}) {
		if s.given == nil || len(s.given) >= maxStamps {
			s.given = make(map[sink.ID]int64)
		}
		s.given[id] = s.last
	}
	return s.last
}

// forget forgets the times of records that were delivered or are condemned. Those in
// refused, which is in the order of batch, that are to be sent later keep theirs.
func (d *destination) forget(batch []sink.Record, refused []sink.ItemError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.stamps.given) == 0 {
		return
	}
	for i := range batch {
		if len(refused) > 0 && refused[0].Index == i {
			later := refused[0].Verdict == sink.Retry
			if refused = refused[1:]; later {
				continue
			}
		}
		delete(d.stamps.given, batch[i].ID)
	}
}
