package frame

import "io"

// End returns where the frames of a life's last segment end, in bytes from the
// first, and the sequence behind that of the last. page is the segment's header
// page and h what it says.
//
// That is what the tail mirror says if it matches and there is no readable frame
// behind it. Otherwise it is behind the last readable frame and those that
// follow it directly with headers that fit, which their writers had not finished.
func End(src io.ReaderAt, page []byte, h SegmentHeader) (off, seq uint64) {
	var r Reader
	r.Reset(src, h)
	if frames, bytes, ok := Tail(page, h.Ordinal); ok && bytes <= r.size {
		r.lend(bytes)
		if _, more := r.readable(place{bytes, h.FirstSeq + frames, true}, maxSeq); !more {
			return bytes, h.FirstSeq + frames
		}
	}
	return r.scanEnd()
}

// scanEnd finds the end by the frames alone.
func (r *Reader) scanEnd() (off, seq uint64) {
	r.lend(0)
	p := r.start
	for h, ok := r.readable(p, maxSeq); ok; h, ok = r.readable(p, maxSeq) {
		p = h.behind()
	}
	for h, ok := r.head(p.at, p.least, p.least+1); ok; h, ok = r.head(p.at, p.least, p.least+1) {
		p = h.behind()
	}
	return p.at, p.least
}
