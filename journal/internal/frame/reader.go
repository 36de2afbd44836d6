package frame

import (
	"encoding/binary"
	"io"
	"log/slog"
)

// Frame is a record that was read.
type Frame struct {
	At, End uint64 // bytes from the segment's first frame to this one, and to what is behind it
	Seq     uint64
	Time    uint64 // see [UnpackTime]
	Level   slog.Level
	Payload []byte // valid until the reader's next call
}

// Reader reads the frames of one segment file, in chunks of 256 KiB, or of one
// frame where that is larger. It returns what was written and nothing else: a
// frame must be published and of the header's lap, lie within the segment, have
// a sequence above that of the frame before it and no higher than there is room
// for, and its CRC must be right. All else is stepped over; how many records that
// were is the gap in the sequences. Bytes that cannot be read count as zeros.
//
// The zero Reader is to be Reset first. Its methods may not be called
// concurrently. It does not allocate but for its buffer.
type Reader struct {
	window
	lap      uint32
	firstSeq uint64
	seed     uint32
	credit   uint64 // bytes that CRCs which turn out wrong may still take in this call
	start    place
	behind   place // behind what Next returned last
}

// place is where a frame is looked for.
type place struct {
	at    uint64
	least uint64 // the lowest sequence it can have
	exact bool   // it is the place of that sequence's frame, if there is one
}

// Reset makes r read the frames of src, a segment file whose header is h. What r
// has read of it, it does not read again before the next Reset. A caller who
// knows that the frames end before h.SegmentBytes lowers that, and spares r to
// search the rest for more.
func (r *Reader) Reset(src io.ReaderAt, h SegmentHeader) {
	r.window.reset(src, h.SegmentBytes)
	r.lap, r.firstSeq, r.seed = h.Lap, h.FirstSeq, Seed(h.ID, h.Lap)
	r.start = place{0, h.FirstSeq, h.Ordinal != Unknown} // Rescue does not know what was at 0
	r.behind = r.start
}

// Next returns the first readable frame at or behind off whose sequence is at
// least seq and below endSeq. off is bytes from the first frame: 0, a frame's At
// or End, or what [End] returned. Frames of lower sequences are stepped over. It
// is not ok if there is none. Damage costs least where off is 0 or the End of the
// frame that Next returned last.
func (r *Reader) Next(off, seq, endSeq uint64) (f Frame, ok bool) {
	if seq >= endSeq || off > r.size {
		return Frame{}, false
	}
	off = (off + wordBytes - 1) &^ (wordBytes - 1)
	r.lend(off)
	p := place{off, r.firstSeq, false}
	switch off {
	case r.start.at:
		p = r.start
	case r.behind.at:
		p = r.behind
	}
	for {
		h, ok := r.readable(p, endSeq)
		if !ok {
			return Frame{}, false
		}
		p = h.behind()
		if h.seq >= seq {
			r.behind = p
			return r.frame(h), true
		}
	}
}

// lend lets wrong CRCs take some milliseconds and four times what there is to
// read. Damaged frames do not overlap, so that they need it once, and what looks
// like a frame by chance is rare; but bytes can be made up in which every header
// fits and spans all the rest.
func (r *Reader) lend(off uint64) { r.credit = 16<<20 + 4*(r.size-off) }

// readable returns the first readable frame at or behind p whose sequence is
// below endSeq.
//
// A frame that is not readable but whose header fits is stepped over by its
// length if that and the sequence are beyond doubt: the place is the sequence's,
// and the next one's header is behind it. Its payload may be anything. All other
// places are searched.
func (r *Reader) readable(p place, endSeq uint64) (head, bool) {
	for p.least < endSeq {
		h, ok := r.head(p.at, p.least, endSeq)
		if ok && r.good(h) {
			return h, true
		}
		if !ok || !p.exact || h.seq != p.least || !r.followed(h, endSeq) {
			return r.search(p.at+wordBytes, p.least, endSeq)
		}
		p = h.behind()
	}
	return head{}, false
}

// search returns the first readable frame that begins at at or at any multiple of
// eight bytes behind it. It looks at each once.
func (r *Reader) search(at, least, endSeq uint64) (head, bool) {
	want := PackState(Published, 0, r.lap)
	const mask = ^uint64(MaxLength << stateBits)
	for {
		b := r.from(at, Header)
		if b == nil {
			return head{}, false
		}
		for ; len(b) >= Header; at, b = at+wordBytes, b[wordBytes:] {
			if binary.NativeEndian.Uint64(b)&mask != want {
				continue
			}
			h, ok := r.head(at, least, endSeq)
			if !ok {
				continue
			}
			if r.good(h) {
				return h, true
			}
			at += wordBytes
			break // the window may have moved
		}
	}
}

// head is what a frame's words 0 and 2 say.
type head struct {
	at, end uint64
	seq     uint64
	length  int
	state   State
}

// behind returns the place of the next frame, if h is in its own.
func (h head) behind() place { return place{h.end, h.seq + 1, true} }

// head returns the header at at. It is ok if it fits: all but the CRC is as it
// must be for a frame whose sequence is at least least and below endSeq.
func (r *Reader) head(at, least, endSeq uint64) (h head, ok bool) {
	b := r.from(at, Header)
	if b == nil {
		return head{}, false
	}
	state, length, lap := UnpackState(binary.NativeEndian.Uint64(b[WordState*wordBytes:]))
	seq := binary.NativeEndian.Uint64(b[WordSeq*wordBytes:])
	h = head{at, at + Bytes(length), seq, length, state}
	ok = state != Nothing && lap == r.lap && h.end <= r.size &&
		least <= seq && seq < endSeq && seq-r.firstSeq <= at/Header
	return h, ok
}

// check is Check. It is a variable for tests to show what the CRC is for.
var check = Check

// good says whether h, which fits, is of a readable frame.
func (r *Reader) good(h head) bool {
	if h.state != Published || h.end-h.at > r.credit {
		return false
	}
	b := r.from(h.at, h.end-h.at)
	if b == nil {
		return false
	}
	crc := UnpackCheck(binary.NativeEndian.Uint64(b[WordCheck*wordBytes:]))
	if check(r.seed, h.at, b, h.length) == crc {
		return true
	}
	r.credit -= h.end - h.at
	return false
}

// followed says whether a header that fits and has the next sequence is behind h.
func (r *Reader) followed(h head, endSeq uint64) bool {
	next, ok := r.head(h.end, h.seq+1, endSeq)
	return ok && next.seq == h.seq+1
}

// frame returns the readable frame of h.
func (r *Reader) frame(h head) Frame {
	b := r.from(h.at, h.end-h.at)
	return Frame{
		At:      h.at,
		End:     h.end,
		Seq:     h.seq,
		Time:    binary.NativeEndian.Uint64(b[WordTime*wordBytes:]),
		Level:   UnpackLevel(binary.NativeEndian.Uint64(b[WordCheck*wordBytes:])),
		Payload: b[Header : Header+h.length : Header+h.length],
	}
}
