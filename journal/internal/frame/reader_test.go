package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// plain returns a segment of n published frames with payloads of length.
func plain(segmentBytes uint64, n, length int) *segment {
	r := rand.New(rand.NewPCG(8, 8))
	s := &segment{
		h:    SegmentHeader{ID: [16]byte{1}, SegmentBytes: segmentBytes, FirstSeq: 100},
		file: make([]byte, Page+segmentBytes),
	}
	s.install(1)
	for range n {
		if !s.append(r, bytes.Repeat([]byte{'x'}, length), complete, false) {
			panic("no room")
		}
	}
	return s
}

func (s *segment) reader() *Reader {
	var r Reader
	r.Reset(bytes.NewReader(s.file), s.h)
	return &r
}

func TestNextFindsASequenceFromAnyPlaceBeforeIt(t *testing.T) {
	s := plain(4096, 20, 100)
	r := s.reader()
	for i, w := range s.records {
		seq := s.h.FirstSeq + uint64(i)
		for from := range i + 1 {
			if f, ok := r.Next(s.records[from].at, seq, s.total()); !ok || f.Seq != seq || f.At != w.at || f.End != w.next {
				t.Fatalf("sequence %d from frame %d: %+v, %v", seq, from, f, ok)
			}
		}
	}
}

func TestNextFindsTheFrameBehindAPlaceWithinAnother(t *testing.T) {
	s := plain(4096, 20, 100)
	r := s.reader()
	for off := range s.records[19].at + 1 {
		want := s.h.FirstSeq + (off+Bytes(100)-1)/Bytes(100)
		if f, ok := r.Next(off, 0, s.total()); !ok || f.Seq != want {
			t.Fatalf("from byte %d: frame %d, %v; want %d", off, f.Seq, ok, want)
		}
	}
}

func TestNextStopsWhereItIsTold(t *testing.T) {
	s := plain(4096, 20, 100)
	tests := []struct {
		name             string
		off, seq, endSeq uint64
		want             uint64 // 0: none
	}{
		{"the last", 0, 119, 120, 119},
		{"behind the last", 0, 120, 1 << 60, 0},
		{"at the end", s.records[19].next, 0, 1 << 60, 0},
		{"at endSeq", s.records[5].at, 105, 105, 0},
		{"before endSeq", s.records[5].at, 105, 106, 105},
		{"endSeq before seq", 0, 106, 103, 0},
		{"frames beyond endSeq", s.records[5].at, 100, 104, 0},
		{"no endSeq", s.records[19].at, 0, Unknown, 119},
		{"no room for a header", 4096 - 8, 0, Unknown, 0},
		{"the segment's end", 4096, 0, Unknown, 0},
		{"beyond the segment", 4097, 0, Unknown, 0},
		{"far beyond the segment", Unknown, 0, Unknown, 0},
	}
	r := s.reader()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if f, ok := r.Next(test.off, test.seq, test.endSeq); ok != (test.want != 0) || f.Seq != test.want {
				t.Errorf("got frame %d, %v; want %d", f.Seq, ok, test.want)
			}
		})
	}
}

func TestFramesLargerThanAChunkAreRead(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	s := newSegment(r, 8<<20, 12, 1<<20)
	file := bytes.Clone(s.file)
	for range 8 {
		if err := s.damaged(file); err != nil {
			t.Fatal(err)
		}
		file, _ = damage(r, bytes.Clone(s.file))
	}
}

func TestBufferIsNoLargerThanAChunkOrTheLargestFrame(t *testing.T) {
	s := plain(2<<20, 1, 1<<20)
	r := s.reader()
	if _, ok := r.Next(0, 0, s.total()); !ok {
		t.Fatal("not read")
	}
	if got := uint64(cap(r.buf)); got < Bytes(1<<20) || got > s.h.SegmentBytes {
		t.Errorf("the buffer has %d bytes", got)
	}
	r.Reset(bytes.NewReader(s.file), s.h)
	if got := cap(r.buf); got > chunk {
		t.Errorf("after Reset the buffer has %d bytes", got)
	}
	small := plain(1<<20, 100, 100)
	r.Reset(bytes.NewReader(small.file), small.h)
	if _, ok := r.Next(0, 0, small.total()); !ok || cap(r.buf) != chunk {
		t.Errorf("%v, the buffer has %d bytes", ok, cap(r.buf))
	}
}

func TestLengthThatTheFileDoesNotHaveTakesNoMemory(t *testing.T) {
	s := plain(4096, 3, 10)
	s.h.SegmentBytes = MaxSegmentBytes
	s.put(s.records[1].at, WordState, PackState(Published, MaxLength, s.h.Lap))
	r := s.reader()
	f, ok := r.Next(s.records[1].at, 0, s.total())
	if !ok || f.Seq != 102 {
		t.Errorf("frame %d, %v", f.Seq, ok)
	}
	if _, ok := r.Next(f.End, 0, Unknown); ok {
		t.Error("a frame behind the end")
	}
	if cap(r.buf) > chunk {
		t.Errorf("the buffer has %d bytes", cap(r.buf))
	}
}

func TestDamagedFrameIsSteppedOverByItsLengthAndNotSearched(t *testing.T) {
	inner, s := plain(4096, 1, 10), plain(4096, 3, 200)
	// The payload of the second frame holds a frame that is right in that place.
	at := s.records[1].at + Header
	const seq = 101
	copy(s.file[Page+at:], inner.file[Page:Page+Bytes(10)])
	s.put(at, WordSeq, seq)
	s.put(at, WordCheck, PackCheck(Check(Seed(s.h.ID, 1), at, s.file[Page+at:], 10)))
	for _, seq := range []uint64{101, 100} { // looked for from the beginning, and one after the other
		r := s.reader()
		f, ok := r.Next(0, seq, s.total())
		if f.Seq == 100 {
			f, ok = r.Next(f.End, 101, s.total())
		}
		if !ok || f.Seq != 102 {
			t.Errorf("frame %d at %d, %v; want 102", f.Seq, f.At, ok)
		}
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	s := plain(1<<20, 4000, 200)
	s.put(s.records[2000].at, WordTime, 0)
	src := bytes.NewReader(s.file)
	var r Reader
	r.Reset(src, s.h)
	r.Next(0, 0, s.total())
	n := testing.AllocsPerRun(10, func() {
		for off, seq := uint64(0), uint64(0); ; {
			f, ok := r.Next(off, seq, s.total())
			if !ok {
				return
			}
			off, seq = f.End, f.Seq+1
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestSearchIsLinear gives readers bytes in which all is a header that fits and
// whose frame ends with the segment.
func TestSearchIsLinear(t *testing.T) {
	const size = 4 << 20
	s := plain(size, 0, 0)
	for at := uint64(8); at+Header <= size; at += Header {
		s.put(at, WordState, PackState(Published, int(min(size-at-Header, MaxLength)), 1))
		s.put(at, WordSeq, 100)
	}
	summed := 0
	defer func(c func(uint32, uint64, []byte, int) uint32) { check = c }(check)
	check = func(seed uint32, at uint64, frame []byte, length int) uint32 {
		summed += length
		return Check(seed, at, frame, length)
	}
	for _, test := range []struct {
		name string
		read func(src *counted)
	}{
		{"Next", func(src *counted) {
			var r Reader
			r.Reset(src, s.h)
			if f, ok := r.Next(0, 0, Unknown); ok {
				t.Errorf("frame %d", f.Seq)
			}
		}},
		{"End", func(src *counted) {
			if off, seq := End(src, s.file[:Page], s.h); off != 0 || seq != s.h.FirstSeq {
				t.Errorf("End is %d, %d", off, seq)
			}
		}},
		{"Rescue", func(src *counted) {
			if h, ok := Rescue(src, int64(len(s.file)), s.h.ID); ok {
				t.Errorf("header %+v", h)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := &counted{ReaderAt: bytes.NewReader(s.file)}
			summed = 0
			test.read(src)
			if summed > 16<<20+5*size || src.bytes > 2*(16<<20+5*size) {
				t.Errorf("%d bytes summed, %d read, of %d", summed, src.bytes, size)
			}
		})
	}
}

func TestFileThatEndsEarlyIsReadUntilThere(t *testing.T) {
	s := plain(4096, 20, 100)
	for n := range len(s.file) {
		if err := s.damaged(s.file[:n]); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		g := read(bytes.NewReader(s.file[:n]), s.file[:Page], s.h)
		whole := 0
		for _, w := range s.records {
			if s.whole(w, s.file[:n]) {
				whole++
			}
		}
		if len(g.frames) != whole || g.seq != s.total() && uint64(n) >= Page+s.tail() {
			t.Fatalf("%d bytes: %d frames to %d, want %d to %d", n, len(g.frames), g.seq, whole, s.total())
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, length := range []int{0, 200, 2000} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			const size = 4 << 20
			s := plain(size, size/int(Bytes(length)), length)
			src := bytes.NewReader(s.file)
			var r Reader
			b.SetBytes(int64(Bytes(length)))
			b.ReportAllocs()
			off, seq, ok := uint64(0), uint64(0), false
			for b.Loop() {
				if !ok {
					r.Reset(src, s.h)
					off, seq = 0, 0
				}
				var f Frame
				f, ok = r.Next(off, seq, s.total())
				off, seq = f.End, f.Seq+1
			}
		})
	}
}

func BenchmarkSearchOfNothing(b *testing.B) {
	const size = 4 << 20
	s := newSegment(rand.New(rand.NewPCG(4, 4)), size, 0, 300) // of earlier laps
	src := bytes.NewReader(s.file)
	var r Reader
	b.SetBytes(size)
	for b.Loop() {
		r.Reset(src, s.h)
		if _, ok := r.Next(0, 0, Unknown); ok {
			b.Fatal("a frame")
		}
	}
}

func BenchmarkCheck200(b *testing.B) {
	frame := make([]byte, Bytes(200))
	seed := Seed([16]byte{1}, 2)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		Check(seed, 4096, frame, 200)
	}
}
