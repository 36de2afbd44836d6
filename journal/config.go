package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/fapilog/fapilog/journal/internal/frame"
	"github.com/fapilog/fapilog/journal/internal/life"
)

const (
	defaultMaxBytes = 64 << 20
	durableMaxBytes = 1 << 30

	// Bounds of the default segment: enough segments that an eviction takes a
	// small part of what is retained, and segments so long that starting one
	// is rare.
	defaultSegments   = 16
	minDefaultSegment = 256 << 10
	maxDefaultSegment = 4 << 20

	minSegmentBytes = 4 << 10
	maxSegmentBytes = 1 << 30 // a frame's length has 30 bits
	maxFiles        = 8 << 10 // Linux allows a process 65,530 mappings (vm.max_map_count)
	minSegments     = 2       // one is written while the other is evicted
)

// FrameOverhead is the most a record takes of a journal beyond its payload: the
// frame's header and the padding to a multiple of eight bytes.
const FrameOverhead = frame.Overhead

// Config sets where a Journal keeps its records and how much room it takes. The
// zero value, a journal in memory, is ready to use.
type Config struct {
	// Dir is the directory of a durable journal, which survives the end of the
	// process however that comes. It is made where it is missing. Empty: memory.
	Dir          string
	OnHealth     func(Health) // called when OnDisk changes or there is another problem, one call at a time, on a goroutine that nobody waits for but Close; must not call Close; nil: nobody is told
	OnGone       func(Gone)   // called when records are let go of that nobody will read, on a goroutine of the journal, before Close returns; must neither wait nor call the journal; nil: nobody is told
	MaxBytes     int64        // all segments together; 0: 64 MiB, with Dir 1 GiB; at least 8 KiB
	SegmentBytes int64        // one segment, 4 KiB to 1 GiB; 0: MaxBytes/16 within 256 KiB and 4 MiB, at most MaxBytes/2
}

// Gone is what a key had not settled of an earlier life when that was let go of,
// as no cursor of the key was made. A later one counts the records in its Settled.
type Gone struct {
	Key     string
	Records uint64
}

// Validate returns every mistake in c, joined, or nil. Open calls it.
func (c Config) Validate() error {
	var errs []error
	switch {
	case c.MaxBytes < 0:
		errs = append(errs, fmt.Errorf("journal: MaxBytes is %d: it cannot be negative", c.MaxBytes))
	case c.MaxBytes != 0 && c.MaxBytes < minSegments*minSegmentBytes:
		errs = append(errs, fmt.Errorf("journal: MaxBytes is %d: at least %d are needed", c.MaxBytes, minSegments*minSegmentBytes))
	}
	switch {
	case c.SegmentBytes < 0:
		errs = append(errs, fmt.Errorf("journal: SegmentBytes is %d: it cannot be negative", c.SegmentBytes))
	case c.SegmentBytes != 0 && c.SegmentBytes < minSegmentBytes:
		errs = append(errs, fmt.Errorf("journal: SegmentBytes is %d: at least %d are needed", c.SegmentBytes, minSegmentBytes))
	case c.SegmentBytes > maxSegmentBytes:
		errs = append(errs, fmt.Errorf("journal: SegmentBytes is %d: at most %d are possible", c.SegmentBytes, maxSegmentBytes))
	}
	if d := c.WithDefaults(); len(errs) == 0 && d.MaxBytes/minSegments < d.SegmentBytes {
		errs = append(errs, fmt.Errorf("journal: two segments of %d bytes do not fit into MaxBytes, %d", d.SegmentBytes, d.MaxBytes))
	}
	if d := c.WithDefaults(); len(errs) == 0 && c.Dir != "" && d.MaxBytes/d.SegmentBytes > maxFiles {
		errs = append(errs, fmt.Errorf("journal: MaxBytes is more than %d segments of %d bytes, each of them a mapped file; raise SegmentBytes", maxFiles, d.SegmentBytes))
	}
	return errors.Join(errs...)
}

// WithDefaults returns c with what is unset replaced by its default.
func (c Config) WithDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
		if c.Dir != "" {
			c.MaxBytes = durableMaxBytes
		}
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = min(max(c.MaxBytes/defaultSegments, minDefaultSegment), maxDefaultSegment)
		c.SegmentBytes = min(c.SegmentBytes, c.MaxBytes/minSegments)
	}
	return c
}

// Tally is what became of one sink's records. See [Cursor.Ack].
type Tally = life.Tally

// Health is how a durable journal is doing. For one in memory it is zero.
type Health struct {
	Dir    string    // the journal's directory
	OnDisk bool      // what was accepted is on disk; else it is in memory, and lost if the process ends
	Err    string    // why it is not; empty: it is, or is on its way there
	Since  time.Time // when that began, or ended last; zero: it was never otherwise
	Lives  int       // earlier lives that are still to be drained

	Problems []string // what else was found to be wrong with the directory, the first few, or is wrong at present
}
