package frame

import (
	"encoding/binary"
	"io"
)

// Rescue makes up a header for a segment file of size bytes that has none, from
// the frames that are readable as those of the life id and of the lap that they
// say themselves. The lap that the highest sequence has is the segment's; FirstSeq
// is the lowest readable sequence of it, SegmentBytes what size leaves for frames,
// Ordinal and Base are [Unknown], and Created and Installed are 0. It is not ok if
// no frame is readable.
func Rescue(src io.ReaderAt, size int64, id [16]byte) (h SegmentHeader, ok bool) {
	if size < Page+Header {
		return SegmentHeader{}, false
	}
	s := rescuer{id: id}
	s.r.reset(src, uint64(size-Page)+wordBytes-1)
	s.r.lend(0)
	h = SegmentHeader{ID: id, SegmentBytes: s.r.size, Ordinal: Unknown, Base: Unknown}
	h.Lap, h.FirstSeq = s.newestLap()
	return h, h.Lap != 0
}

type rescuer struct {
	r  Reader // of one lap after the other
	id [16]byte
}

// newestLap returns the lap with the highest sequence that is readable, and the
// lowest sequence of that lap. It is 0 if no frame is readable.
func (s *rescuer) newestLap() (lap uint32, first uint64) {
	var at, next uint64
	for {
		b := s.r.from(at, Header)
		if b == nil {
			return lap, first
		}
		state, _, of := UnpackState(binary.NativeEndian.Uint64(b[WordState*wordBytes:]))
		seq := binary.NativeEndian.Uint64(b[WordSeq*wordBytes:])
		if state != Published || of == 0 || seq >= maxSeq {
			at += wordBytes
			continue
		}
		h, ok := s.look(at, of, seq)
		if !ok {
			at += wordBytes
			continue
		}
		at = h.end
		if seq < next {
			continue
		}
		if of != lap {
			lap, first = of, seq
		}
		next = seq + 1
	}
}

// look returns the frame at at if it is readable as one of lap.
func (s *rescuer) look(at uint64, lap uint32, seq uint64) (head, bool) {
	if s.r.lap != lap {
		s.r.lap, s.r.seed = lap, Seed(s.id, lap)
	}
	s.r.firstSeq = seq
	h, ok := s.r.head(at, seq, seq+1)
	return h, ok && s.r.good(h)
}
