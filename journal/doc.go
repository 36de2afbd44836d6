// Package journal is a segmented append-only log in memory. Any number of
// goroutines append records to it, each record once, and any number of cursors
// read them, each at its own pace. A slow cursor costs appends nothing and takes
// no memory: it lags, until the log's size limit evicts what it has not read,
// and then it knows exactly how many records it has lost.
//
// This comment is the specification of the log's format and of the protocol
// between those who append, those who read and the journal's one goroutine, the
// keeper.
//
// # Offsets and sequences
//
// Every byte of the log has an offset, which only ever grows and says nothing
// about where the byte lies in memory. Every record has a sequence: 0, 1, 2 and
// so on without gaps, in the order of offsets. A record is one frame, and a
// frame lies in one segment. A segment is a stretch of memory of a fixed size
// that stands for the offsets from its base; the base of the next is the end of
// its last frame, so offsets have no gaps either.
//
// # Frame
//
// A frame begins at a multiple of eight bytes with a header of four 64-bit words
// in the machine's byte order. The payload follows, padded to a multiple of
// eight bytes with whatever was there.
//
//	word 0  bits 0–1    state: 1 reserved, 2 published; 0 and 3 do not occur in memory
//	        bits 2–31   length of the payload in bytes
//	        bits 32–63  lap: how many times this memory has been a segment, from 1
//	word 1  bits 0–31   level, int32; a level beyond that is the nearest
//	        bits 32–63  CRC-32C; zero in memory
//	word 2              sequence
//	word 3              Unix time in nanoseconds, int64; −2⁶³ is the zero time.Time,
//	                    and a time beyond the rest is the nearest
//
// # Append
//
// One atomic word, tail, says how much of the active segment is reserved, in
// bytes and in frames, and is, in its lowest bit, a spin lock. Whoever wants to
// know how far the log goes loads it, without the lock. An append
//
//  1. takes the lock, writes word 0 (reserved) and word 2 of its frame, and
//     stores the new tail, which releases the lock;
//  2. writes words 1 and 3 and the payload, without a lock;
//  3. publishes the frame: one atomic store of word 0.
//
// So the length of every frame below tail is known, whatever becomes of the
// goroutine that reserved it. Nobody looks at memory at or beyond tail, so nobody
// sees what an earlier lap has left there. That the lap is right and that
// sequences are consecutive is checked all the same; a frame that fails is a
// broken process, and panics.
//
// # Read
//
// A cursor reads frame after frame below tail and stops at the first that is not
// published. It copies: what Read returns lies in the caller's memory, and
// whatever the caller does with it, for however long, is no concern of the log.
// While a cursor copies from a segment it has it pinned.
//
// # Segments
//
// The segments form a list from the oldest to the active one. When a record does
// not fit into the rest of the active segment, that is sealed and another becomes
// active, under a mutex: rotation.
//
//   - Before that, every frame up to the end of the segment before the one that
//     is full must be published; until then the append yields. A goroutine can
//     lose its processor between reserving and publishing, and others would
//     otherwise run around the whole log and write over the frame it is about to
//     fill. Readers tell how far the log is published as they go; the keeper
//     finds out the rest while a segment fills; rotation looks at what is left.
//   - Segments that every cursor has passed are used again. (With no cursor at
//     all nothing is passed; the log retains what fits.)
//   - Else, below the size limit, there is a new one: the keeper prepares it when
//     the active segment is half full, so that appends do not pay for the first
//     touch of memory.
//   - Else the oldest is evicted. That is one change of a pointer, however many
//     cursors stand in it. A cursor finds out when it next looks: what lies
//     between its place and the oldest sequence is lost, and it goes on there.
//
// A segment that is evicted while a reader has it pinned leaves the list at once
// and its memory is used again when the last reader has left it; meanwhile
// another takes its place. So eviction never waits for a reader, what a cursor
// is copying is not lost, and memory exceeds the limit by such segments only and
// for as long as a copy takes. (The keeper, where it finds out how far a segment
// is published, counts as a reader of that segment.)
//
// # Waiting for space
//
// A cursor with Block makes appends wait rather than evict what it has not read.
// An append waits for each such cursor at most for its BlockTimeout, counted from
// the beginning of the append's first wait. Then that cursor is exhausted, and
// nobody waits for it before it has read, or skipped, to the end of a segment.
// Exhaustion is a cursor's own: others are waited for as before. An append that
// begins to wait has every armed cursor woken, for the records they linger for
// may not come before they have read those that are there.
//
// # Waking
//
// A cursor that has read everything sets two marks: a sequence and an offset. The
// least of each kind over all cursors lie on one cache line, and an append
// compares with them after it has published: two loads, however many cursors
// there are. If it has reached one, it kicks the keeper, which wakes the cursors
// whose marks the tail has reached.
//
// No wake-up is lost, as each side writes before it reads, and these operations
// are sequentially consistent: an append publishes, then loads the marks; a
// cursor stores its marks, then looks at what is published. An append sets the
// flag of a kick if it is not set; the keeper clears it, then loads tail. A
// cursor whose next frame is reserved but not published asks for that frame's own
// append to wake it.
//
// # Stamps
//
// A frame holds the time the record carries, which is the caller's affair. When
// a record was appended is known from stamps, pairs of a sequence and a time that
// the keeper takes at most every 100 ms, and never while nothing is appended.
package journal
