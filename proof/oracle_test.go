//go:build unix

package proof

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// oracle knows what was accepted and what the sinks were given, and says what does
// not fit together. It hears of the one from the children's messages and of the other
// from their sinks' files.
type oracle struct {
	window     int  // records that a sink may be given once more after a process has ended
	concurrent bool // processes were alive at the same time: their records come in any order between them
	holes      bool // some records' bytes were destroyed: they may be missing, and are counted
	starved    bool // the disk was away at times: what was not told of as accepted may be missing, and anything be given again

	kills  int
	acks   map[producer]uint64
	owners map[[16]byte][]uint64 // by life and sequence: the record, see pack; 0: unknown
	views  map[string]*view      // by sink
	faults []string
}

// view is what one sink was given.
type view struct {
	sink     string
	files    map[string]int64 // bytes read of each
	have     map[[16]byte][]bool
	newest   map[[16]byte]uint64 // by life: one more than the last sequence that was new
	next     map[producer]uint64 // the record that each producer's next one has to be
	run      int                 // the newest run of which there is a record
	distinct uint64
	again    int // given once more, since the last end of a process
	repeats  int // in all
	missing  uint64
}

func newOracle(window int, sinks ...string) *oracle {
	o := &oracle{
		window: window,
		acks:   make(map[producer]uint64),
		owners: make(map[[16]byte][]uint64),
		views:  make(map[string]*view),
	}
	for _, name := range sinks {
		o.views[name] = &view{
			sink: name, files: make(map[string]int64), have: make(map[[16]byte][]bool),
			newest: make(map[[16]byte]uint64), next: make(map[producer]uint64),
		}
	}
	return o
}

// fault notes something that must not be. The first few tell enough.
func (o *oracle) fault(format string, args ...any) {
	if len(o.faults) < 10 {
		o.faults = append(o.faults, fmt.Sprintf(format, args...))
	}
}

// ended takes what a process that has ended, and been waited for, leaves behind.
func (o *oracle) ended(c *process) {
	o.kills++
	for p, n := range c.acks {
		o.acks[p] = max(o.acks[p], n)
	}
	for _, v := range o.views {
		v.again = 0
		if err := o.collect(v, rowFile(c.plan.Out, v.sink)); err != nil {
			o.fault("sink %s: %v", v.sink, err)
		}
		again, most := v.again, o.window
		if o.concurrent { // one process can come after several that ended
			again, most = v.repeats, o.window*o.kills
		}
		if again > most && !o.starved {
			o.fault("sink %s was given %d records again by run %d; at most %d were in flight", v.sink, again, c.plan.Run, most)
		}
	}
}

// collect reads what was added to a sink's file.
func (o *oracle) collect(v *view, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // its process was killed before it had a file
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size() / rowBytes * rowBytes // see openKeeper
	data := make([]byte, size-v.files[path])
	if _, err := f.ReadAt(data, v.files[path]); err != nil && err != io.EOF {
		return err
	}
	v.files[path] = size
	for b := range slices.Chunk(data, rowBytes) {
		o.given(v, readRow(b))
	}
	return nil
}

// given takes one record as a sink was given it.
func (o *oracle) given(v *view, r row) {
	if r.wrong {
		o.fault("sink %s: %v is what nobody logged", v.sink, r.id)
		return
	}
	o.identify(v, r)
	if at(v.have[r.id.Journal], r.id.Seq) {
		v.again++
		v.repeats++
		return
	}
	life, seq := r.id.Journal, r.id.Seq
	if seq < v.newest[life] || !o.concurrent && r.p.run() < v.run {
		o.fault("sink %s: %v, record %d of run %d, comes after later ones", v.sink, r.id, r.n, r.p.run())
	}
	next := v.next[r.p]
	if r.n < next || r.n > next && !o.holes && (!o.starved || next < o.acks[r.p]) {
		o.fault("sink %s: record %d of producer %d (run %d) where %d is next; %v", v.sink, r.n, r.p, r.p.run(), next, r.id)
	}
	v.missing += max(r.n, next) - next
	v.next[r.p] = max(next, r.n+1)
	v.run = max(v.run, r.p.run())
	v.newest[life] = max(v.newest[life], seq+1)
	v.have[life] = put(v.have[life], seq, true)
	v.distinct++
}

// identify checks that an id is one record's alone, for all sinks and for ever.
func (o *oracle) identify(v *view, r row) {
	packed := uint64(r.p)<<32 | r.n + 1 // never 0; nobody logs 2³² records
	switch owner := at(o.owners[r.id.Journal], r.id.Seq); owner {
	case 0:
		o.owners[r.id.Journal] = put(o.owners[r.id.Journal], r.id.Seq, packed)
	case packed:
	default:
		o.fault("sink %s: %v names record %d of producer %d and record %d of producer %d", v.sink, sink.ID(r.id),
			r.n, r.p, uint32(owner-1), owner>>32)
	}
}

func at[T any](s []T, i uint64) (value T) {
	if i < uint64(len(s)) {
		value = s[i]
	}
	return value
}

// put sets s[i], which grows s.
func put[T any](s []T, i uint64, value T) []T {
	for uint64(len(s)) <= i {
		s = append(s, *new(T))
	}
	s[i] = value
	return s
}

// complete checks, when everything is delivered, that nothing that was accepted is
// missing, and that the ledger of the last process, in which all lives are counted,
// says the same as the sinks.
func (o *oracle) complete(s fapilog.Stats) {
	for _, v := range o.sorted() {
		for p, n := range o.acks {
			if v.next[p] < n {
				o.fault("sink %s: %d records of producer %d (run %d) were accepted, and only %d have come", v.sink, n, p, p.run(), v.next[p])
			}
		}
	}
	if len(s.Sinks) != len(o.views) {
		o.fault("the ledger has %d sinks", len(s.Sinks))
	}
	for _, k := range s.Sinks {
		o.compare(k)
	}
}

// compare checks a row of the ledger.
func (o *oracle) compare(k fapilog.SinkStats) {
	v, ok := o.views[k.Name]
	if !ok {
		o.fault("the ledger has a sink %q", k.Name)
		return
	}
	dropped := uint64(0)
	for _, n := range k.Dropped {
		dropped += n
	}
	corrupt := k.Dropped[fapilog.DroppedCorrupt]
	if k.Appended != k.Filtered+k.Delivered+k.Diverted+k.Quarantined+dropped+k.Pending {
		o.fault("sink %s: the ledger does not add up: %+v", k.Name, k)
	}
	if k.Pending != 0 || dropped != corrupt && !o.holes && !o.starved || k.Filtered+k.Diverted+k.Quarantined != 0 {
		o.fault("sink %s: the ledger has records that are neither delivered nor corrupt: %+v", k.Name, k)
	}
	// What was in memory alone when its process ended is in no ledger.
	if k.Delivered != v.distinct && !(o.starved && k.Delivered < v.distinct) {
		o.fault("sink %s: the ledger says that %d were delivered; it was given %d", k.Name, k.Delivered, v.distinct)
	}
	// A producer has one record at work when its process ends. Where the disk was away,
	// what was never told of as accepted may be gone as well, however much that is.
	if most := uint64(8 * o.kills); !o.holes && !o.starved && corrupt > most {
		o.fault("sink %s: %d corrupt; at most %d records were at work when a process ended", k.Name, corrupt, most)
	}
	if o.holes && dropped < v.missing {
		o.fault("sink %s: %d dropped, and %d are missing", k.Name, dropped, v.missing)
	}
}

func (o *oracle) sorted() []*view {
	return slices.SortedFunc(maps.Values(o.views), func(a, b *view) int {
		if a.sink < b.sink {
			return -1
		}
		return 1
	})
}

// String says what was seen.
func (o *oracle) String() string {
	var accepted uint64
	for _, n := range o.acks {
		accepted += n
	}
	text := fmt.Sprintf("%d ends of processes, %d lives, %d records accepted", o.kills, len(o.owners), accepted)
	for _, v := range o.sorted() {
		text += fmt.Sprintf("; sink %s: %d records, %d given again", v.sink, v.distinct, v.repeats)
		if v.missing > 0 {
			text += fmt.Sprintf(", %d destroyed", v.missing)
		}
	}
	return text
}
