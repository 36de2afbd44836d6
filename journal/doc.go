// Package journal is a segmented append-only log, in memory or in files. Any
// number of goroutines append records to it, each record once, and any number of
// cursors read them, each at its own pace. A slow cursor costs appends nothing and
// takes no memory: it lags, until the log's size limit evicts what it has not read,
// and then it knows exactly how many records it has lost.
//
// A durable journal, one in files, keeps every record whose Append has returned
// through whatever ends the process: SIGKILL, the OOM killer, a panic, os.Exit.
// Nothing is synced: it does not keep what was appended in the last seconds before
// the machine itself stops.
//
// This comment is the specification of the log's format, version 1, and of the
// protocol between those who append, those who read and the journal's goroutines:
// the keeper and, of a durable journal, the custodian.
//
// # Offsets, sequences, positions
//
// Every byte of the log has an offset, which only ever grows and says nothing
// about where the byte lies. Every record has a sequence: 0, 1, 2 and so on without
// gaps, in the order of offsets. A record is one frame, and a frame lies in one
// segment. A segment is a stretch of memory, or of a file, of a fixed size that
// stands for the offsets from its base; the base of the next is the end of its last
// frame, so offsets have no gaps either.
//
// Each Open begins a life: a journal id, random, and sequences from 0. So a record
// is named by its life's id and its sequence, for good. What earlier lives have
// left in the directory is part of the log, before the records of the own life;
// positions number all of it, without gaps, and mean something to this process
// only. In memory, positions are sequences.
//
// # Frame
//
// A frame begins at a multiple of eight bytes with a header of four 64-bit words
// in the machine's byte order. The payload follows, padded to a multiple of
// eight bytes with whatever was there.
//
//	word 0  bits 0–1    state: 0 nothing, 1 reserved, 2 published, 3 void
//	        bits 2–31   length of the payload in bytes
//	        bits 32–63  lap: how many times this memory, or file, has been a segment, from 1
//	word 1  bytes 0–3   CRC-32C; zero in memory
//	        bytes 4–7   level, int32; a level beyond that is the nearest
//	word 2              sequence
//	word 3              Unix time in nanoseconds, int64; −2⁶³ is the zero time.Time,
//	                    and a time beyond the rest is the nearest
//
// The CRC is over the frame's bytes from the twelfth, the level, to the end of the
// payload. It begins with the CRC-32C of the life's id and the lap (20 bytes, the
// lap in little-endian order), exclusive-or the upper half of the product of
// 9e3779b97f4a7c15 (hexadecimal) and the number of words in the segment before the
// frame: so a frame of an earlier lap, of another journal or from another place
// does not check out.
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
// In files a reservation writes the segment's tail as well (see Files), and a
// frame is published with its CRC. A kill leaves of each goroutine's stores those
// before some moment, in its own order: every frame is whole, or it says how long
// it would have been. The memory may also fault, when the file was cut or the device
// fails: before a frame is reserved that is as if nothing had happened; afterwards
// the frame is void, and its record gets another in the next segment.
//
// # Read
//
// A cursor reads frame after frame below tail and stops at the first that is not
// published. It copies: what Read returns lies in the caller's memory, and
// whatever the caller does with it, for however long, is no concern of the log.
// While a cursor copies from a segment it has it pinned.
//
// Of a durable journal only the newest two segments are read in the mapping; older
// ones, and those of earlier lives, are read with pread, because a page that has to
// come from the disk would stop the thread, and the next garbage collection with it.
// (What another process writes into a live segment may be delivered as it is.) What is
// read so has to check out: the lap, the state, the length within the
// segment, the CRC, the sequence that is expected or a later one that the segment
// can hold. What does not is stepped over, to the next place, at any multiple of
// eight bytes, where a frame does. The sequences tell how many records were missed:
// they are corrupt, and so are void frames and, in earlier lives, unpublished ones.
// Their bytes are set aside in the directory damaged.
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
//     finds out the rest while a segment fills; an append that has come before it
//     looks at what is left, without the mutex.
//   - Segments that every cursor has passed are used again. Where progress is kept,
//     a cursor has passed what is acknowledged, not what it has read: the next life
//     may have to deliver that. (With no cursor at
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
// for as long as a copy takes. (The keeper, or the append, that finds out how far a
// segment is published counts as a reader of that segment.)
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
//
// # Files
//
// The directory and everything in it belongs to one user and has no access for
// others; no symbolic link is followed. In it lie
//
//	<32 hex digits>/          a life, named by its id
//	    lock                  locked by the process whose life it is, or that drains it
//	    <8 hex digits>.segment
//	    <key>.cursor          how far the sink of that key has come in this life
//	    carried               the tallies of lives that were drained and removed
//	.<32 hex digits>/         a life that is being made or removed, and holds nothing
//	damaged/                  bytes that were to be records, by life, sequence and place
//	quarantine/               of the sinks; not the journal's
//
// What has other names is foreign and left alone, as is a life in which anything
// has a version that is not known. Names with .tmp behind them are files that were
// being written.
//
// A segment file is a header page of 4096 bytes and the frames. The page has the
// header twice, at bytes 0 and 512, written one after the other; the valid one with
// the higher ordinal counts. A header is twelve words: "fapilogJ"; the version, 1,
// and 01020304 in its upper half, which tells another byte order; the life's id in two;
// when the life began, in Unix nanoseconds; the bytes of frames there is room for; the
// ordinal, how many segments the life had before; the lap; the base; the sequence of
// the first frame; when it became active; and the CRC-32C of these words. At byte
// 1024 lies the tail, frames in the upper half and bytes/4 in the lower, and behind
// it the same, inverted, plus the ordinal: if these two do not match, as after a
// kill between the two stores, the end is found by scanning. The end of a segment
// that another follows is where that begins.
//
// A cursor file is one page. Its first KiB holds "fapilogC", version and byte order,
// the length of the key, the key, and in its last word the CRC-32C of that. At the
// second and third KiB lie two slots, written in turn: a generation, of which the
// higher valid one counts, the sequence before which everything is settled, the
// one where the cursor began, the fields of [Tally] in their order, and the CRC-32C of
// it all. Position and counts are one thing: either both are kept or neither.
//
// The file lock is one line of text with version, beginning of the life and CRC; the
// file carried is JSON with version and CRC, written beside and renamed.
//
// # Lives
//
// Who opens a directory locks every life that nobody has locked, the oldest first and
// as far as its descriptors go, and begins one of its own: so nothing is ever appended
// behind a crash, no sequence is used twice, and several processes can share a
// directory. The records of the lives it has locked come first, in the order in which
// the lives began, through the same cursors; progress in them goes into their own cursor
// files. When every cursor has settled all of a life, its tallies and those that it
// carries are added to what the own life carries, which from then on names it; then its
// directory is removed. A life that a carried names is counted there, and only has to
// be removed. A life says that it began now or, if the clock was set back, a nanosecond
// after every other in the directory.
//
// A cursor without a file in a life begins at the oldest record: twice is better than
// not at all. Who claims a life gives back the room behind its last record, and the
// files that it had made ready and not used. What is evicted of it is removed, but for
// its last segment, which goes with the directory: an unfinished life is told from an
// empty one. Cursors that nobody asks for hold nothing back; what they had left is
// dropped as gone. Losses that come to light in a later life than the one they
// belong to are counted there.
//
// # Faults
//
// Files are made by the custodian, before they are needed: their blocks allocated,
// mapped, and every page in memory. Where the file system is not known to keep what
// it has allocated, they are not mapped: an append writes its frame to the file
// before it publishes it in memory.
//
// When files cannot be made or written, a mapping faults, or the directory is gone,
// the journal goes on in memory, up to 64 MiB or its size limit if that is less,
// and tries again every second. An append that finds no segment ready waits for one, a
// second at most. When the disk is well, the next segment lies there, and what was
// accepted meanwhile is written to segments with the ordinals and sequences it would
// have had. A segment whose memory has faulted is not used again, and is read from its
// file. While no file can be used at all and memory is full, the oldest segment in
// memory is evicted, though older ones are on disk: those can still be read.
//
// What waits for the disk all the same: a store to a page that the system is just
// writing back, for as long as the file system takes for that; and, where files are not
// mapped, an append for its own write, and Seal for those that are under way.
package journal
