package life

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Dead is a life whose process has ended or let go of it, locked by this one.
type Dead struct {
	*Life
	Segments []Segment       // in the order of their records
	Marks    map[string]Mark // by key
	Carried  Carried
	End      uint64 // how many records it has had: 1 + the last sequence
}

// examine reads all of a locked life but its records. The error, also one that
// matches [ErrNewer], says that the life is to be left alone; what is damaged is a
// problem.
func examine(l *Life) (d *Dead, problems []error, err error) {
	if l.Created, err = readLock(l.lock); err != nil {
		return nil, nil, err
	}
	d = &Dead{Life: l}
	marks, damaged, err := ReadCursors(l.fsys, l.Dir)
	if err != nil {
		return nil, nil, err
	}
	d.Marks = marks
	for _, name := range damaged {
		problems = append(problems, fmt.Errorf("%s: %w: its sink reads from the oldest record",
			filepath.Join(l.Dir, name), ErrDamaged))
	}
	d.Carried, err = ReadCarried(l.fsys, l.Dir)
	switch {
	case errors.Is(err, ErrDamaged):
		problems = append(problems, fmt.Errorf("%w: the counts of earlier journals are lost", err))
	case errors.Is(err, disk.ErrForeign):
	case err != nil:
		return nil, nil, err
	}
	r := segmentReader{life: l}
	if err := r.read(); err != nil {
		return nil, nil, err
	}
	d.Segments, d.End = r.segments, r.end
	for _, m := range d.Marks {
		if m.Next != OwesNothing {
			d.setEnd(m.Next)
		}
	}
	return d, append(problems, r.problems...), nil
}

// setEnd raises End to a sequence that is known from elsewhere: the last records
// may not be readable.
func (d *Dead) setEnd(seq uint64) {
	if seq <= d.End {
		return
	}
	d.End = seq
	if n := len(d.Segments); n > 0 {
		d.Segments[n-1].EndSeq = seq
	}
}
