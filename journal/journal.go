package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/frame"
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

// Journal is a segmented append-only log. All methods are safe for concurrent
// use.
type Journal struct {
	// The order of locks is checking, mu, then the spin lock in tail.

	id           [16]byte
	segmentBytes int64
	maxBytes     int64
	maxPayload   int
	eras         []*era        // those of earlier lives in their order, and the own
	store        *store        // where a durable journal keeps its segments; nil: in memory
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

	checking sync.Mutex // held by the append, or the keeper, that finds out how far the log is published, see checkPrevious

	mu        sync.Mutex
	sealed    bool
	closed    bool       // and let go of its files
	oldest    *segment   // first of the list that ends with active
	previous  *segment   // the one before active; nil at first
	free      []*segment // to be used again, the last first
	live      int        // segments linked, free or being prepared, but for those of earlier lives
	pinned    int        // segments unlinked and not yet free
	installed uint64     // how many segments have been active
	voided    uint64     // frames that were reserved in vain
	preparing bool       // the keeper prepares a segment
	spareAt   uint64     // offset at which it is to do so
	known     uint64     // every frame before this offset is published
	cursors   []*Cursor
	keyed     []*Cursor     // those whose progress is kept, standby ones among them
	waiting   int           // appends that wait for space
	space     chan struct{} // closed and replaced when waiting appends are to look again
	wakeAll   bool          // the keeper is to wake every cursor that is armed
	stamps    stamps
	stampAt   uint64 // sequence whose append is to be stamped
}

// Open opens a journal: an empty one in memory or, with [Config.Dir], one that
// holds what earlier lives have left in that directory. It has one goroutine, a
// durable journal two and, with [Config.OnHealth], a third, which Close ends.
//
// A directory that cannot be used as it is, being somebody else's or no directory,
// is an error. One that fails, because the disk is full, is none: the journal
// begins in memory, says so (see [Health]) and moves to disk when it can.
func Open(cfg Config) (*Journal, error) {
	return openOn(disk.OS(), cfg)
}

// CheckDir returns the error that Open would return for a directory that is not fit for a
// journal of this process's user. It only looks: one that is missing is no error, and
// neither is one that cannot be made or that fails.
func CheckDir(dir string) error {
	if err := disk.CheckRoot(dir); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// openOn opens a journal on a file system.
func openOn(fs disk.FS, cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	cfg.SegmentBytes &^= bytesPerWord - 1
	if cfg.Dir == "" {
		return openMemory(cfg), nil
	}
	return openDurable(fs, cfg)
}

func openMemory(cfg Config) *Journal {
	first := newSegment(cfg.SegmentBytes)
	first.lap = 1
	j := assemble(cfg, nil)
	rand.Read(j.id[:]) // never fails
	j.begin(first, &era{id: j.id, end: math.MaxUint64})
	return j
}

func assemble(cfg Config, st *store) *Journal {
	return &Journal{
		segmentBytes: cfg.SegmentBytes,
		maxBytes:     cfg.MaxBytes,
		maxPayload:   int(min(cfg.SegmentBytes-frame.Header, frame.MaxLength)),
		store:        st,
		kicks:        make(chan struct{}, 1),
		quit:         make(chan struct{}),
		done:         make(chan struct{}),
		limit:        uint64(cfg.SegmentBytes),
		spareAt:      uint64(cfg.SegmentBytes / 2),
		space:        make(chan struct{}),
	}
}

// begin makes first the active segment and starts the keeper. The segments of
// earlier lives are linked already.
func (j *Journal) begin(first *segment, own *era) {
	j.eras = append(j.eras, own)
	first.era = own
	if j.oldest == nil {
		j.oldest = first
	}
	j.active = first
	j.live, j.installed = 1, 1
	j.spareAt += first.base
	j.known = first.base
	j.stamps.add(own.first, time.Now())
	j.stampAt = own.first
	j.setMarks()
	go j.keep()
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
	if j.store != nil {
		return j.appendDurable(t, level, payload)
	}
	packed := frame.PackTime(t)

	// These are the steps of place, fill and publish, for an active segment that
	// has room. As calls of these functions they take 4 % of a call to log.
	tail := j.tail.Load()
	if tail&tailLocked != 0 || !j.tail.CompareAndSwap(tail, tail|tailLocked) {
		tail = j.lockTail()
	}
	at, frames := unpackTail(tail)
	need := frame.Bytes(len(payload))
	if at+need > j.limit {
		j.unlockTail(tail)
		return j.appendSlowly(packed, level, payload)
	}
	seg := j.active
	seq := seg.firstSeq + frames
	words := seg.words[at/bytesPerWord:][:frame.HeaderWords:frame.HeaderWords]
	words[frame.WordState] = frame.PackState(frame.Reserved, len(payload), seg.lap)
	words[frame.WordSeq] = seq - seg.shift
	j.unlockTail(tail + packTail(need) + tailFrame)

	words[frame.WordCheck] = frame.PackLevel(level)
	words[frame.WordTime] = packed
	end, published := seg.base+at+need, frame.PackState(frame.Published, len(payload), seg.lap)
	copy(seg.data[at+frame.Header:], payload)

	atomic.StoreUint64(&words[frame.WordState], published)
	if seq >= j.seqMark.Load() || end >= j.offMark.Load() {
		j.kick()
	}
	return nil
}

// appendSlowly is Append for an active segment that had no room.
func (j *Journal) appendSlowly(packed uint64, level slog.Level, payload []byte) error {
	r, err := j.reserve(len(payload))
	if err != nil {
		return err
	}
	r.fill(packed, level, payload)
	j.publish(r)
	return nil
}

// reservation is a frame between reserve and publish. It has four fields, which is
// what the compiler keeps in registers: with five, an append takes half as long again.
type reservation struct {
	seg  *segment
	at   uint64 // index of the frame's first byte in the segment
	word uint64 // the first word that publishes it
	seq  uint64 // its position
}

// end returns the offset behind the frame.
func (r reservation) end() uint64 {
	_, length, _ := frame.UnpackState(r.word)
	return r.seg.base + r.at + frame.Bytes(length)
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
func (j *Journal) tryReserve(length int) (r reservation, ok bool) {
	tail := j.lockTail()
	r, after, ok := j.place(tail, length)
	j.unlockTail(after)
	return r, ok
}

// place writes the beginning of a frame at tail and returns the tail behind it,
// or reports that there is no room. The caller holds the spin lock.
func (j *Journal) place(tail uint64, length int) (r reservation, after uint64, ok bool) {
	at, frames := unpackTail(tail)
	need := frame.Bytes(length)
	if at+need > j.limit {
		return reservation{}, tail, false
	}
	seg := j.active
	seq := seg.firstSeq + frames
	words := seg.words[at/bytesPerWord:][:frame.HeaderWords:frame.HeaderWords]
	// Plain stores: whoever looks at the frame has loaded tail, stored below.
	words[frame.WordState] = frame.PackState(frame.Reserved, length, seg.lap)
	words[frame.WordSeq] = seq - seg.shift
	after = tail + packTail(need) + tailFrame
	if seg.head != nil {
		seg.head[frame.TailWord] = after
		seg.head[frame.TailWord+1] = frame.TailCheck(after, seg.ordinal)
	}
	return reservation{seg, at, frame.PackState(frame.Published, length, seg.lap), seq}, after, true
}

// fill writes what the reservation left open, the time as [frame.PackTime] has it. It
// needs no lock: the segment is not used again before the frame is published.
func (r reservation) fill(packed uint64, level slog.Level, payload []byte) {
	words := r.seg.words[r.at/bytesPerWord:][:frame.HeaderWords:frame.HeaderWords]
	words[frame.WordCheck] = frame.PackLevel(level)
	words[frame.WordTime] = packed
	copy(r.seg.data[r.at+frame.Header:], payload)
}

// publish shows the frame to readers. Whoever lowers a mark looks at the frame
// afterwards, and the marks are looked at after the frame was published: one of
// the two sees the other, so that no wake-up is lost.
func (j *Journal) publish(r reservation) {
	end := r.end() // before: once it is published the segment may be another
	atomic.StoreUint64(&r.seg.words[r.at/bytesPerWord+frame.WordState], r.word)
	if r.seq >= j.seqMark.Load() || end >= j.offMark.Load() {
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

// End returns the position behind the last record: the records of earlier lives
// that the journal found, and those appended since.
func (j *Journal) End() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.endSeq()
}

// Accepted returns the number of records appended since Open.
func (j *Journal) Accepted() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.endSeq() - j.own().first - j.voided
}

// Ready says that every cursor has been made. Before, a durable journal lets go of
// nothing that earlier lives have left.
func (j *Journal) Ready() {
	if j.store == nil {
		return
	}
	j.mu.Lock()
	j.store.ready = true
	j.mu.Unlock()
	j.store.kick()
}

// Bytes returns the memory that the journal's segments take now or, if it is
// durable, the room on disk; those that wait for the disk are in memory.
func (j *Journal) Bytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytesOf(j.live + j.pinned)
}

// Seal ends appending: further appends, and those that wait for space, return
// [ErrClosed]. It returns when every append that has taken its place in the log
// can be read. Readers go on. Further calls do the same.
func (j *Journal) Seal() {
	j.mu.Lock()
	j.sealed = true
	j.shutActive()
	j.releaseWaiting()
	j.mu.Unlock()
	for y := (yielder{}); !j.allPublished(); y.yield() {
	}
}

// shutActive lets nothing more into the active segment. It has j.mu.
func (j *Journal) shutActive() {
	tail := j.lockTail()
	j.limit = 0
	j.unlockTail(tail)
}

// Close seals the journal and ends its goroutines. What one in memory holds can
// still be read; nobody is woken any more, for nothing can come. A durable one lets
// go of its directory: it reads and keeps nothing more, and what it holds is
// delivered by the next that opens it. Further calls wait for the first and do
// nothing.
func (j *Journal) Close() {
	j.Seal()
	j.quitOnce.Do(func() { close(j.quit) })
	<-j.done
	if j.store != nil {
		<-j.store.done
		<-j.store.informed
	}
}
