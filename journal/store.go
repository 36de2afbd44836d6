package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

const (
	// diskPatience is how long an append waits for the disk to give it a segment
	// before the journal goes on in memory.
	diskPatience = time.Second
	// maxInMemory bounds the segments in memory of a journal whose disk fails.
	maxInMemory = defaultMaxBytes
	// spares is how many files are kept ready.
	spares = 2
	// shareOfLives is what part of the files that the process may have open is for
	// earlier lives, each of which takes one: the eighth.
	shareOfLives = 8
	// lookEvery is how often the custodian looks whether the disk is well again,
	// and whether the active segment is still there.
	lookEvery = time.Second
)

// store is what a durable journal has on disk. The custodian, its goroutine, does
// whatever may take the disk's time.
type store struct {
	fs       disk.FS
	root     string
	created  time.Time // when the life began: now, or after every other in the directory if the clock was set back
	onHealth func(Health)
	onGone   func(Gone)
	kicks    chan struct{} // the custodian has something to do; capacity 1
	done     chan struct{} // closed when the custodian has ended
	news     chan struct{} // inform has something to look at; capacity 1
	informed chan struct{} // closed when inform has ended

	plain atomic.Bool // files are not mapped

	// Guarded by Journal.mu.
	life      *life.Life      // nil: there is no directory, the journal began in memory
	spare     []*segmentFile  // ready to be used: there, and in memory
	idle      []*segmentFile  // not in use, as they are
	trash     []trash         // files to be removed
	deadBytes int64           // room that the files of earlier lives take
	ready     bool            // every cursor has been made
	making    bool            // the custodian makes a file ready
	damaged   map[string]bool // what has been set aside

	// Guarded by health.
	health   sync.Mutex
	err      error     // why the journal is in memory; nil: it is not
	since    time.Time // when that began
	full     bool      // err is that there is no space: the files that there are can be used
	problems []error   // what else is wrong with the directory
	shutErr  error     // why a segment's file could not be opened
	untold   *Health   // that of a failure which onHealth may not have been told of; nil: there is none

	// Owned by inform.
	told         condition // what onHealth was told last
	toldProblems int       // and how many problems

	// Owned by the custodian.
	numbers     int        // segment files made so far
	barred      bool       // the directory cannot be entered again, and that has been told
	foldFails   bool       // the last attempt to carry tallies has failed
	lost        *life.Life // the directory that is not there any more, still locked
	carried     life.Carried
	looked      time.Time // when it last looked whether the active segment is there
	lookSeq     uint64    // and how far the log was
	lookOrdinal uint64    // and which segment was active
}

// trash is a file that is not needed any more.
type trash struct {
	path   string
	file   *segmentFile  // to be closed before, if that is not nil
	memory *disk.Mapping // to be unmapped instead, if that is not nil
}

// segmentFile is one segment file of the journal's own life, which is used again
// and again.
type segmentFile struct {
	path    string
	info    fs.FileInfo // as it was made
	lap     uint32
	mapping *disk.Mapping // nil: it is written with WriteAt
	file    disk.File     // nil: it is mapped

	// Of a file that is not mapped: whether its header is that of the segment
	// which is in it.
	mu     sync.Mutex
	header frame.SegmentHeader
	labels bool
}

// openDurable opens a journal in a directory.
func openDurable(fs disk.FS, cfg Config) (*Journal, error) {
	st := &store{
		fs:       fs,
		root:     cfg.Dir,
		created:  time.Now(),
		onHealth: cfg.OnHealth,
		onGone:   cfg.OnGone,
		kicks:    make(chan struct{}, 1),
		done:     make(chan struct{}),
		news:     make(chan struct{}, 1),
		informed: make(chan struct{}),
		damaged:  make(map[string]bool),
	}
	j := assemble(cfg, st)
	own, dead, err := st.enter()
	if errors.Is(err, disk.ErrUnfit) {
		for _, d := range dead {
			_ = d.Release() // another will drain it
		}
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err != nil {
		own = life.Unkept(st.created)
		st.fail(err)
	} else {
		st.life = own
	}
	j.id = own.ID
	j.inherit(dead)
	era := &era{id: j.id, first: j.nextPosition(), end: math.MaxUint64}
	era.shift = era.first
	first := j.firstSegment()
	if !j.placeFirst(first, era) {
		first = newSegment(j.segmentBytes)
		j.placeFirst(first, era)
	}
	if j.previous != nil {
		j.previous.next = first
		j.previous = nil // what earlier lives have left is published, or never will be
	}
	j.begin(first, era)
	go j.tend()
	if cfg.OnHealth != nil {
		go j.inform()
	} else {
		close(st.informed)
	}
	return j, nil
}

// enter claims the lives that others have left, and begins one.
func (st *store) enter() (own *life.Life, dead []*life.Dead, err error) {
	if err := st.fs.OpenRoot(st.root); err != nil {
		return nil, nil, err
	}
	found, err := life.Claim(st.fs, st.root, max(1, disk.MaxOpen()/shareOfLives))
	if err != nil {
		st.complain(fmt.Errorf("what earlier processes have left waits for the next: %w", err))
		return nil, nil, err
	}
	for _, err := range found.Problems {
		st.complain(err)
	}
	for _, d := range found.Dead {
		d.Trim()
	}
	if latest := time.Unix(0, found.Latest); !st.created.After(latest) {
		st.created = latest.Add(1) // the clock was set back
	}
	own, err = life.Create(st.fs, st.root, st.created)
	return own, found.Dead, err
}

// inherit links the segments of earlier lives, the oldest first.
func (j *Journal) inherit(dead []*life.Dead) {
	var pos, off uint64
	for _, d := range dead {
		e := &era{id: d.ID, first: pos, end: pos, dead: d}
		if len(d.Segments) > 0 {
			e.shift = pos - d.Segments[0].FirstSeq
			e.end = d.End + e.shift
		} else {
			e.shift = pos - d.End
		}
		j.eras = append(j.eras, e)
		for i := range d.Segments {
			e.bytes += roomOf(&d.Segments[i])
			s := &segment{
				era: e, base: off, firstSeq: d.Segments[i].FirstSeq + e.shift, shift: e.shift,
				lap: d.Segments[i].Lap, sealed: true, kept: true,
				end: off + max(d.Segments[i].Bytes, 1), endSeq: d.Segments[i].EndSeq + e.shift,
				stored: &d.Segments[i], last: i == len(d.Segments)-1,
			}
			if s.endSeq == s.firstSeq && !s.last {
				continue // nothing in it; it goes with the directory
			}
			j.link(s)
			off = s.end
		}
		j.store.deadBytes += e.bytes
		pos = e.end
	}
}

// roomOf returns what a segment of an earlier life counts against the limit: as
// for the own ones, the header is not in it.
func roomOf(s *life.Segment) int64 { return max(0, s.FileSize-frame.Page) }

// link makes s the newest segment of the list, before there is an active one.
func (j *Journal) link(s *segment) {
	if j.oldest == nil {
		j.oldest = s
	} else {
		j.previous.next = s
	}
	j.previous = s
}

// nextPosition returns the position behind what was inherited.
func (j *Journal) nextPosition() uint64 {
	if len(j.eras) == 0 {
		return 0
	}
	return j.eras[len(j.eras)-1].end
}

// firstSegment returns memory for the first segment, in a file if that can be.
func (j *Journal) firstSegment() *segment {
	if j.store.life != nil {
		f, err := j.store.makeFile(j.segmentBytes)
		if err == nil {
			return f.segment(j.segmentBytes)
		}
		j.store.fail(err)
	}
	return newSegment(j.segmentBytes)
}

// placeFirst gives the first segment its place behind those of earlier lives. It
// reports false if the segment cannot be used.
func (j *Journal) placeFirst(first *segment, own *era) bool {
	first.era, first.firstSeq, first.shift = own, own.first, own.shift
	first.lap++
	if j.previous != nil {
		first.base = j.previous.end
	}
	return j.label(first)
}

// fail makes err the reason why the journal is in memory. The first one stays,
// unless a worse one comes.
func (st *store) fail(err error) {
	st.health.Lock()
	defer st.health.Unlock()
	full := isNoSpace(err)
	switch {
	case st.err == nil:
		st.err, st.full, st.since = err, full, time.Now()
	case st.full && !full:
		st.err, st.full = err, false
	default:
		return
	}
	if !full {
		st.untold = &Health{Dir: st.root, Err: err.Error(), Since: st.since}
	}
	st.announce()
}

// failing reports whether files are not to be made, and whether not even those
// that there are can be used.
func (st *store) failing() (failing, wholly bool) {
	st.health.Lock()
	defer st.health.Unlock()
	return st.err != nil, st.err != nil && !st.full
}

// degrade goes on in memory until the disk is well again. It must not have j.mu.
func (j *Journal) degrade(err error) {
	j.store.fail(err)
	j.store.kick()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.releaseWaiting()
}

// late reports whether the disk fails in that it takes too long.
func (st *store) late() bool {
	st.health.Lock()
	defer st.health.Unlock()
	return errors.Is(st.err, os.ErrDeadlineExceeded)
}

// kick makes the custodian look for work.
func (st *store) kick() {
	select {
	case st.kicks <- struct{}{}:
	default:
	}
}

// makeFile makes a segment file, allocated and, where that is fit, mapped. It is
// the custodian's, but for the first.
func (st *store) makeFile(size int64) (*segmentFile, error) {
	st.numbers++
	f := &segmentFile{path: filepath.Join(st.life.Dir, fmt.Sprintf("%08x.segment", st.numbers-1))}
	if err := f.make(st.fs, frame.Page+size); err != nil {
		return nil, err
	}
	st.plain.Store(f.mapping == nil)
	return f, nil
}
