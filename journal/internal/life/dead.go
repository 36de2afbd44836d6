package life

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Dead is a life whose process has ended or let go of it, locked by this one, or
// one that was only looked at.
type Dead struct {
	*Life
	Segments []Segment       // in the order of their records
	Marks    map[string]Mark // by key
	Torn     []string        // names of cursor files that do not say where the cursor stands
	Carried  Carried
	End      uint64 // how many records it has had: 1 + the last sequence
}

// Peek reads all but the records of the life in lifeDir, whosoever it is. It locks
// and changes nothing, and its process may append to it and use its segments again
// meanwhile: each segment was there, with these records, at some moment while Peek
// ran. What comes back cannot be claimed, trimmed or removed.
//
// What keeps a life from being claimed is a problem here, [ErrNewer] too, and the
// rest is returned. Torn cursors are none. An error is one of the file system: the directory cannot be
// read, or matching [fs.ErrNotExist], it is gone.
func Peek(fsys disk.FS, lifeDir string) (d *Dead, problems []error, err error) {
	id, _, _ := parseName(filepath.Base(lifeDir))
	x := examination{Dead: &Dead{Life: &Life{ID: id, Dir: lifeDir, fsys: fsys}}, peek: true}
	if lock, err := fsys.OpenRead(filepath.Join(lifeDir, lockName)); err == nil {
		x.refuse(x.began(lock))
		lock.Close()
	}
	err = x.read()
	return x.Dead, x.problems, err
}

// examine reads all of a locked life but its records. The error, also one that
// matches [ErrNewer], says that the life is to be left alone; what is damaged is a
// problem.
func examine(l *Life) (d *Dead, problems []error, err error) {
	x := examination{Dead: &Dead{Life: l}}
	if err = x.began(l.lock); err == nil {
		err = x.read()
	}
	for _, name := range x.Torn {
		x.problems = append(x.problems, fmt.Errorf("%s: %w: its sink reads from the oldest record",
			filepath.Join(x.Dir, name), ErrDamaged))
	}
	return x.Dead, x.problems, err
}

// examination is one call of examine or of [Peek].
type examination struct {
	*Dead
	peek     bool
	problems []error
}

// refuse returns the error for which a life is to be left alone. Who only looks
// at it goes on.
func (x *examination) refuse(err error) error {
	if err == nil || !x.peek || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	x.problems = append(x.problems, err)
	return nil
}

func (x *examination) began(lock disk.File) (err error) {
	x.Created, err = readLock(lock)
	return err
}

// read reads the segments before the cursors: what is used again was settled, or
// evicted, before.
func (x *examination) read() (err error) {
	r := segmentReader{life: x.Life, peek: x.peek}
	if err := r.read(); err != nil {
		return err
	}
	x.Segments, x.End = r.segments, r.end
	x.problems = append(x.problems, r.problems...)
	x.Marks, x.Torn, err = ReadCursors(x.fsys, x.Dir)
	if err := x.refuse(err); err != nil {
		return err
	}
	for _, m := range x.Marks {
		if m.Next != OwesNothing {
			x.setEnd(m.Next)
		}
	}
	x.Carried, err = ReadCarried(x.fsys, x.Dir)
	switch {
	case errors.Is(err, ErrDamaged):
		x.problems = append(x.problems, fmt.Errorf("%w: the counts of earlier journals are lost", err))
	case errors.Is(err, disk.ErrForeign):
	default:
		return x.refuse(err)
	}
	return nil
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
