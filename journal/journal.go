package journal

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrClosed is returned by appends to a journal that is sealed or closed.
	ErrClosed = errors.New("journal: closed")
	// ErrTooLarge is returned by appends of more than MaxPayload bytes.
	ErrTooLarge = errors.New("journal: record too large")
)

// Journal.tail is where the active segment's next frame begins and how many
// frames are before it, in one word, so that both are read at once without the
// lock:
//
//	bits 32 to 63   frames
//	bits  1 to 31   bytes / 4, which is even
//	bit   0         the spin lock of the reservation
const (
	tailLocked = 1
	tailFrame  = 1 << 32 // one frame
)

func packTail(bytes uint64) uint64 { return bytes / 4 }

func unpackTail(tail uint64) (bytes, frames uint64) {
	return tail &^ tailLocked % tailFrame * 4, tail / tailFrame
}

// noMark is a wake-up mark that is never reached.
const noMark = math.MaxUint64

// Journal is a segmented append-only log in memory. All methods are safe for
// concurrent use. Lock order: mu, then the spin lock in tail.
type Journal struct {
	id           [16]byte
	segmentBytes int64
	maxSegments  int
	maxPayload   int
	kicks        chan struct{} // the keeper has something to look at; capacity 1
	quit         chan struct{} // closed by Close: the keeper is to end
	quitOnce     sync.Once
	done         chan struct{} // closed when the keeper has ended

	_ [64]byte

	// One cache line that every append writes. All but tail is guarded by the
	// spin lock in it; active and limit change under mu besides.
	tail   atomic.Uint64 // see packTail
	limit  uint64        // bytes that the active segment has room for; 0: sealed
	active *segment

	_ [64]byte

	// One cache line that every append reads and that changes rarely. The marks
	// are written under mu.
	seqMark atomic.Uint64 // the append of this sequence, or a later one, kicks the keeper
	offMark atomic.Uint64 // as does the append that ends here or later
	kicked  atomic.Bool   // there is a kick that the keeper has not begun to look at

	_ [64]byte

	mu        sync.Mutex
	sealed    bool
	oldest    *segment   // first of the list that ends with active
	previous  *segment   // the one before active; nil at first
	free      []*segment // to be used again, the last first
	live      int        // segments linked, free or being prepared
	pinned    int        // segments unlinked and not yet free
	preparing bool       // the keeper prepares a segment
	spareAt   uint64     // offset at which it is to do so
	known     uint64     // every frame before this offset is published
	cursors   []*Cursor
	waiting   int           // appends that wait for space
	space     chan struct{} // closed and replaced when waiting appends are to look again
	wakeAll   bool          // the keeper is to wake every cursor that is armed
	stamps    stamps
	stampAt   uint64 // sequence whose append is to be stamped
}

// Open returns an empty journal. It has one goroutine, which Close ends.
func Open(cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	return open(cfg.MaxBytes, cfg.SegmentBytes&^(bytesPerWord-1)), nil
}

func open(maxBytes, segmentBytes int64) *Journal {
	first := newSegment(segmentBytes)
	first.lap = 1
	j := &Journal{
		segmentBytes: segmentBytes,
		maxSegments:  int(maxBytes / segmentBytes),
		maxPayload:   int(min(segmentBytes-headerBytes, maxLength)),
		kicks:        make(chan struct{}, 1),
		quit:         make(chan struct{}),
		done:         make(chan struct{}),
		limit:        uint64(segmentBytes),
		active:       first,
		oldest:       first,
		live:         1,
		spareAt:      uint64(segmentBytes / 2),
		space:        make(chan struct{}),
	}
	rand.Read(j.id[:]) // never fails
	j.stamps.add(0, time.Now())
	j.setMarks()
	go j.keep()
	return j
}

// ID returns the journal's identity: random, and another for each Open.
func (j *Journal) ID() [16]byte { return j.id }

// MaxPayload returns the length of the longest payload that Append takes: a
// segment less a frame's header.
func (j *Journal) MaxPayload() int { return j.maxPayload }

// Append adds a record and takes a copy of payload. It waits only where a
// cursor asks for it with Block, and returns [ErrClosed] or [ErrTooLarge]
// without having added anything. t may be zero; one outside the years 1677 to
// 2262 becomes the nearest in them, and a level outside int32 likewise.
func (j *Journal) Append(t time.Time, level slog.Level, payload []byte) error {
	r, err := j.reserve(len(payload))
	if err != nil {
		return err
	}
	r.fill(t, level, payload)
	j.publish(r)
	return nil
}

// reservation is a frame between reserve and publish.
type reservation struct {
	seg  *segment
	at   uint64 // index of the frame's first byte in the segment
	word uint64 // the first word that publishes it
	seq  uint64
	end  uint64 // offset behind the frame
}

// reserve takes the next sequence and the memory for a payload of length bytes.
func (j *Journal) reserve(length int) (reservation, error) {
	if length > j.maxPayload {
		return reservation{}, ErrTooLarge
	}
	if r, ok := j.tryReserve(length); ok {
		return r, nil
	}
	return j.reserveSlowly(length)
}

// tryReserve fails if the active segment has no room.
func (j *Journal) tryReserve(length int) (reservation, bool) {
	tail := j.lockTail()
	at, frames := unpackTail(tail)
	need := frameBytes(length)
	if at+need > j.limit {
		j.unlockTail(tail)
		return reservation{}, false
	}
	seg := j.active
	seq := seg.firstSeq + frames
	frame := seg.words[at/bytesPerWord:][:headerWords:headerWords]
	// Plain stores: whoever looks at the frame has loaded tail, stored below.
	frame[wordState] = packState(reserved, length, seg.lap)
	frame[wordSeq] = seq
	word := packState(published, length, seg.lap)
	j.unlockTail(tail + packTail(need) + tailFrame)
	return reservation{seg, at, word, seq, seg.base + at + need}, true
}

// fill writes what the reservation left open. It needs no lock: the segment is
// not used again before the frame is published.
func (r reservation) fill(t time.Time, level slog.Level, payload []byte) {
	frame := r.seg.words[r.at/bytesPerWord:][:headerWords:headerWords]
	frame[wordLevel] = packLevel(level)
	frame[wordTime] = packTime(t)
	copy(r.seg.data[r.at+headerBytes:], payload)
}

// publish shows the frame to readers. Whoever lowers a mark looks at the frame
// afterwards, and the marks are looked at after the frame was published: one of
// the two sees the other, so that no wake-up is lost.
func (j *Journal) publish(r reservation) {
	atomic.StoreUint64(&r.seg.words[r.at/bytesPerWord+wordState], r.word)
	if r.seq >= j.seqMark.Load() || r.end >= j.offMark.Load() {
		j.kick()
	}
}

// lockTail takes the spin lock and returns the tail. Its holders do a few stores.
func (j *Journal) lockTail() uint64 {
	// With 64 appenders on 2 cores, giving up the processor after 31 spins made
	// the 99th percentile of an append 0.5 ms, after 511 0.6 µs.
	const spins = 512
	for i := 1; ; i++ {
		v := j.tail.Load()
		if v&tailLocked == 0 && j.tail.CompareAndSwap(v, v|tailLocked) {
			return v
		}
		if i%spins == 0 {
			runtime.Gosched() // its holder may have been preempted
		}
	}
}

func (j *Journal) unlockTail(tail uint64) { j.tail.Store(tail) }

// reservedEnd returns the offset behind the last reserved frame and the
// sequence of the next one. It has j.mu, so the active segment stays; it does
// not take the spin lock, which appends in a tight loop would not let it have.
func (j *Journal) reservedEnd() (off, seq uint64) {
	bytes, frames := unpackTail(j.tail.Load())
	return j.active.base + bytes, j.active.firstSeq + frames
}

// endSeq is End for who has j.mu.
func (j *Journal) endSeq() uint64 {
	_, seq := j.reservedEnd()
	return seq
}

// End returns the sequence that the next record will get. The first is 0, so it
// is the number of records appended so far.
func (j *Journal) End() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.endSeq()
}

// Bytes returns the memory that the journal's segments take now.
func (j *Journal) Bytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int64(j.live+j.pinned) * j.segmentBytes
}

// Seal ends appending: further appends, and those that wait for space, return
// [ErrClosed]. It returns when every append that has taken its place in the log
// can be read. Readers go on. Further calls do the same.
func (j *Journal) Seal() {
	j.mu.Lock()
	j.sealed = true
	tail := j.lockTail()
	j.limit = 0
	j.unlockTail(tail)
	j.releaseWaiting()
	j.mu.Unlock()
	for y := (yielder{}); !j.allPublished(); y.yield() {
	}
}

// Close seals the journal and ends its goroutine. What it holds can still be
// read; nobody is woken any more, for nothing can come. Further calls wait for
// the first and do nothing.
func (j *Journal) Close() {
	j.Seal()
	j.quitOnce.Do(func() { close(j.quit) })
	<-j.done
}
