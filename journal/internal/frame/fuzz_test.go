package frame

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// FuzzReader gives readers a file that may be any: they return frames in order
// and within the file, and come to an end.
func FuzzReader(f *testing.F) {
	s := smallSegment()
	f.Add(s.file, uint64(0), s.h.FirstSeq, s.total())
	f.Add(s.file, uint64(77), uint64(0), Unknown)
	f.Add(s.file[:5000], uint64(1000), uint64(0), Unknown)
	f.Add(append(make([]byte, Page), s.file[Page:]...), uint64(0), uint64(0), Unknown)
	f.Add([]byte{}, uint64(0), uint64(0), Unknown)
	f.Fuzz(func(t *testing.T, file []byte, off, seq, endSeq uint64) {
		page := make([]byte, Page)
		copy(page, file)
		src := bytes.NewReader(file)
		h, err := ReadHeader(page)
		if err != nil {
			h = s.h
			h.SegmentBytes = MaxSegmentBytes
		}
		checkReader(t, src, h, off, seq, endSeq)
		if at, n := End(src, page, h); at > h.SegmentBytes || n < h.FirstSeq || n-h.FirstSeq > at/Header {
			t.Fatalf("End is %d, %d", at, n)
		}
		h, ok := Rescue(src, int64(len(file)), s.h.ID)
		if !ok {
			return
		}
		var r Reader
		r.Reset(src, h)
		if f, ok := r.Next(0, 0, Unknown); !ok || f.Seq != h.FirstSeq {
			t.Fatalf("frame %d, %v; the rescued header says %d", f.Seq, ok, h.FirstSeq)
		}
	})
}

func checkReader(t *testing.T, src *bytes.Reader, h SegmentHeader, off, seq, endSeq uint64) {
	var r Reader
	r.Reset(src, h)
	for n := 0; ; n++ {
		f, ok := r.Next(off, seq, endSeq)
		if !ok {
			break
		}
		if f.At < off || f.End <= f.At || f.End > h.SegmentBytes || f.Seq < seq || f.Seq >= endSeq || f.At%8 != 0 {
			t.Fatalf("frame %d at %d–%d, asked for %d–%d from %d", f.Seq, f.At, f.End, seq, endSeq, off)
		}
		if f.End != f.At+Bytes(len(f.Payload)) || f.At+Page+Header+uint64(len(f.Payload)) > uint64(src.Size())+wordBytes-1 { // a cut word ends in zeros
			t.Fatalf("frame %d at %d–%d with %d bytes in a file of %d", f.Seq, f.At, f.End, len(f.Payload), src.Size())
		}
		off, seq = f.End, f.Seq+1
	}
	if cap(r.buf) > max(chunk, int(src.Size())) {
		t.Fatalf("the buffer has %d bytes, the file %d", cap(r.buf), src.Size())
	}
}

// FuzzDamage writes a segment from a seed and damages it with what the fuzzer
// says: nothing is invented, and all that is whole is there.
func FuzzDamage(f *testing.F) {
	f.Add(uint64(1), uint16(5000), []byte{0, 0, 0, 0}, uint16(10), []byte{1})
	f.Fuzz(func(t *testing.T, seed uint64, at uint16, noise []byte, at2 uint16, noise2 []byte) {
		r := rand.New(rand.NewPCG(seed, 0))
		s := newSegment(r, 4096, r.IntN(60), 200)
		file := bytes.Clone(s.file)
		copy(file[int(at)%len(file):], noise)
		copy(file[int(at2)%len(file):], noise2)
		if err := s.damaged(file); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzHeader reads a header page that may be any: what is valid is again what it
// was when it is put.
func FuzzHeader(f *testing.F) {
	f.Add(pageOf(someHeader()), uint64(7))
	f.Add(make([]byte, Page), uint64(1))
	f.Add([]byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, page []byte, ordinal uint64) {
		if frames, n, ok := Tail(page, ordinal); ok && (n > MaxSegmentBytes+8 || n%8 != 0 || n < frames*Header) {
			t.Fatalf("tail %d, %d", frames, n)
		}
		h, err := ReadHeader(page)
		if err != nil {
			return
		}
		if got, err := ReadHeader(pageOf(h)); got != h || err != nil {
			t.Fatalf("%+v became %+v, %v", h, got, err)
		}
	})
}
