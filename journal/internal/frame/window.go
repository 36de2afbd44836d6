package frame

import (
	"errors"
	"io"
)

// chunk is how much a window reads at once.
const chunk = 256 << 10

// window shows the frames of a segment file a stretch at a time. What cannot be
// read is zeros. Positions are bytes from the first frame.
type window struct {
	src   io.ReaderAt
	size  uint64 // bytes for frames; fewer once the file turns out to end before
	at    uint64 // position of buf
	buf   []byte
	probe [1]byte
}

// reset makes w show src. A buffer that a large frame has made grow is let go.
func (w *window) reset(src io.ReaderAt, size uint64) {
	if cap(w.buf) > chunk {
		w.buf = nil
	}
	w.src, w.size, w.at, w.buf = src, min(size, MaxSegmentBytes)&^(wordBytes-1), 0, w.buf[:0]
}

// from returns the bytes from at on: n, and more as far as the window reaches.
// It returns nil if the segment has not as many. The result is valid until the
// next call.
func (w *window) from(at, n uint64) []byte {
	if at > w.size || n > w.size-at {
		return nil
	}
	if (at < w.at || at+n > w.at+uint64(len(w.buf))) && !w.move(at, n) {
		return nil
	}
	return w.buf[at-w.at:]
}

// move makes the window begin at at. It reports whether it reaches n bytes, for
// which it grows, but not beyond the end of the file: a length that is wrong may
// be any.
func (w *window) move(at, n uint64) bool {
	if n > chunk && !w.exists(at+n-1) {
		return false
	}
	want := min(max(n, chunk), w.size-at)
	if have := uint64(cap(w.buf)); want > have {
		w.buf = make([]byte, min(max(want, 2*have), w.size))
	}
	w.at, w.buf = at, w.buf[:want]
	w.fill()
	return n <= uint64(len(w.buf))
}

// exists says whether the file reaches the byte at.
func (w *window) exists(at uint64) bool {
	n, err := w.src.ReadAt(w.probe[:], int64(Page+at))
	return n == 1 || !errors.Is(err, io.EOF)
}

// fill reads buf: at once or, where that fails, page by page.
func (w *window) fill() {
	if w.read(0, len(w.buf)) {
		return
	}
	for i := 0; i < len(w.buf); {
		n := min(Page-int((w.at+uint64(i))%Page), len(w.buf)-i)
		if !w.read(i, n) {
			clear(w.buf[i : i+n])
		}
		i += n
	}
}

// read reads n bytes of buf from index i on and reports whether they can be read.
// The end of the file is no failure: the segment ends there, and buf.
func (w *window) read(i, n int) bool {
	b := w.buf[i : i+n]
	got, err := w.src.ReadAt(b, int64(Page+w.at)+int64(i))
	if err == nil || got == n {
		return true
	}
	if !errors.Is(err, io.EOF) {
		return false
	}
	clear(b[got:])
	end := (i + got + wordBytes - 1) &^ (wordBytes - 1)
	w.buf = w.buf[:min(end, len(w.buf))]
	w.size = w.at + uint64(len(w.buf))
	return true
}
