package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fapilog/fapilog/internal/nearest"
	"github.com/fapilog/fapilog/journal/internal/frame"
)

// Query says which records are wanted. The zero Query is all of them.
type Query struct {
	// From and Until limit the records, both including what they name.
	From, Until Bound

	// Unsettled is the key of a cursor: only the records that it has not
	// settled are wanted, which are all of a life that does not know the key.
	// Empty: settled or not.
	Unsettled string
}

// Bound is a record, or a moment in the records' own times, or, when it is zero,
// nothing. Records are in the order of lives, and in a life in that of their
// sequences; a record without a time counts as older than every moment. Of a
// Bound with both only the record counts.
type Bound struct {
	Time time.Time
	ID   *ID
}

// Gap says that records of a life could not be read. What follows them could.
type Gap struct {
	Life  string // its id, 32 hexadecimal digits
	First uint64 // sequence of the first of them
	Count uint64
	Why   string
}

// Error implements error.
func (g *Gap) Error() string {
	return fmt.Sprintf("journal: life %s: %d records from %016x on %s", g.Life, g.Count, g.First, g.Why)
}

// Why there is a Gap.
const (
	whyDamaged = "are damaged"
	whyEvicted = "were evicted or removed while it was read"
)

// Records returns the records of the journal in dir that q asks for: life after
// life, the earliest first, each in the order in which it was written. Of records
// that cannot be read there is a [*Gap] in the error's place, whatever their time
// was, and the sequence goes on. What is appended after the call is not in it.
//
// The error says that dir is not a journal, or, matching [ErrUnknown], that it
// does not have the record or the cursor that q names.
func Records(dir string, q Query) (iter.Seq2[Record, error], error) {
	c, err := list(dir)
	if err != nil {
		return nil, err
	}
	chapters, _, _ := c.open()
	if err := q.check(dir, chapters); err != nil {
		return nil, err
	}
	return func(yield func(Record, error) bool) {
		wanted := func(e Record, err error) bool {
			return err == nil && !q.Includes(e.Time) || yield(e, err)
		}
		var r frame.Reader
		for i, l := range chapters {
			first, end := q.span(l, i, chapters)
			if l.newer {
				if !yield(Record{}, fmt.Errorf("journal: life %s is of another version or byte order and is left out", l.name)) {
					return
				}
				continue
			}
			if !l.records(&r, first, end, wanted) {
				return
			}
		}
	}, nil
}

// check returns what is wrong with q for a journal of these lives.
func (q Query) check(dir string, chapters []*chapter) error {
	for _, id := range []*ID{q.From.ID, q.Until.ID} {
		if id == nil {
			continue
		}
		at := indexOf(chapters, id.Life)
		if at < 0 {
			return fmt.Errorf("journal: record %v is %w: %s has no life %x", id, ErrUnknown, dir, id.Life)
		}
		if l := chapters[at]; id.Seq >= l.end {
			return fmt.Errorf("journal: record %v is %w: life %s ends before %016x", id, ErrUnknown, l.name, l.end)
		}
	}
	if q.Unsettled == "" {
		return nil
	}
	keys := make(map[string]bool)
	for _, l := range chapters {
		for key := range l.marks {
			keys[key] = true
		}
	}
	if keys[q.Unsettled] {
		return nil
	}
	known := slices.Sorted(maps.Keys(keys))
	hint := "there are " + strings.Join(known, ", ")
	if name, ok := nearest.Name(q.Unsettled, known); ok {
		hint = fmt.Sprintf("did you mean %q?", name)
	} else if len(known) == 0 {
		hint = "it has none"
	}
	return fmt.Errorf("journal: cursor %.64q is %w %s (%s)", q.Unsettled, ErrUnknown, dir, hint)
}

func indexOf(chapters []*chapter, id [16]byte) int {
	return slices.IndexFunc(chapters, func(l *chapter) bool { return l.id == id })
}

// span returns which records of a life are wanted, but for their times.
func (q Query) span(l *chapter, i int, chapters []*chapter) (first, end uint64) {
	end = l.end
	if id := q.From.ID; id != nil {
		switch at := indexOf(chapters, id.Life); {
		case i < at:
			return 0, 0
		case i == at:
			first = id.Seq
		}
	}
	if id := q.Until.ID; id != nil {
		switch at := indexOf(chapters, id.Life); {
		case i > at:
			return 0, 0
		case i == at:
			end = min(end, id.Seq+1)
		}
	}
	if q.Unsettled == "" {
		return first, end
	}
	if l.drained {
		return 0, 0
	}
	return max(first, l.marks[q.Unsettled].Next), end
}

// Includes reports whether a record of that time is wanted, as far as bounds in
// time go.
func (q Query) Includes(t time.Time) bool {
	if from := q.From; from.ID == nil && !from.Time.IsZero() && t.Before(from.Time) {
		return false
	}
	until := q.Until
	return until.ID != nil || until.Time.IsZero() || !t.After(until.Time)
}

// records yields the records of l from next on and below end. It reports false
// when no more are wanted.
func (l *chapter) records(r *frame.Reader, next, end uint64, yield func(Record, error) bool) bool {
	for next < end {
		i := slices.IndexFunc(l.segments, func(s segment) bool { return s.EndSeq > next })
		if i < 0 {
			break
		}
		s := l.segments[i]
		if first := s.FirstSeq; first > next {
			if lost := max(next, first-s.lost); lost < min(first, end) && !yield(Record{}, &Gap{l.name, lost, min(first, end) - lost, whyDamaged}) {
				return false
			}
			next = first
		}
		p := passage{life: l, segment: s, next: next, end: min(end, s.EndSeq), active: l.busy && i == len(l.segments)-1}
		if !p.read(r, yield) {
			return false
		}
		next = p.next
		if p.next >= p.end {
			continue
		}
		// The segment was used again while it was read, for records that come after
		// end. Others of the life may be where they were.
		left := chapter{name: l.name, dir: l.dir, busy: l.busy}
		if err := left.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return yield(Record{}, err)
		}
		resume := end
		if i := slices.IndexFunc(left.segments, func(s segment) bool { return s.EndSeq > next }); i >= 0 {
			resume = min(end, max(next, left.segments[i].FirstSeq))
		}
		if resume == next {
			return yield(Record{}, fmt.Errorf("journal: life %s cannot be read beside the processes that use it; try again", l.name))
		}
		if !yield(Record{}, &Gap{l.name, next, resume - next, whyEvicted}) {
			return false
		}
		l, next = &left, resume
	}
	return true
}

// passage is the reading of one segment.
type passage struct {
	life    *chapter
	segment segment
	next    uint64 // every record below was yielded, or a gap
	end     uint64
	active  bool // a process appends to it
}

// read yields the segment's records from next on. It stops before end where the
// segment has been used again for others, and reports false when no more are
// wanted.
func (p *passage) read(r *frame.Reader, yield func(Record, error) bool) bool {
	file, ok := p.segment.open()
	if !ok {
		return true
	}
	defer file.Close()
	r.Reset(file, p.segment.SegmentHeader)
	for off := uint64(0); ; {
		f, ok := r.Next(off, p.next, p.end)
		to := p.end
		if ok {
			to = f.Seq
		}
		if to > p.next {
			if !p.segment.unchanged(file) {
				return true
			}
			if !p.gap(to, ok, yield) {
				return false
			}
		}
		if !ok {
			return true
		}
		off, p.next = f.End, f.Seq+1
		e := Record{ID{p.life.id, f.Seq}, frame.UnpackTime(f.Time), f.Level, f.Payload}
		if !yield(e, nil) {
			return false
		}
	}
}

// gap tells of the records from next up to to, which cannot be read. Those at the
// end of an active segment are being written.
func (p *passage) gap(to uint64, followed bool, yield func(Record, error) bool) bool {
	first := p.next
	p.next = to
	if p.active && !followed {
		return true
	}
	return yield(Record{}, &Gap{p.life.name, first, to - first, whyDamaged})
}
