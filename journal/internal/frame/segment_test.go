package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
)

// written is a record that a test has written.
type written struct {
	at, end uint64 // of the frame without its padding
	next    uint64
	time    uint64
	level   slog.Level
	payload []byte
	state   State
}

// segment is a segment file and what is in its newest lap.
type segment struct {
	h       SegmentHeader
	file    []byte
	records []written // of sequences from h.FirstSeq on
}

func (s *segment) total() uint64 { return s.h.FirstSeq + uint64(len(s.records)) }

func (s *segment) put(at uint64, word int, w uint64) {
	binary.NativeEndian.PutUint64(s.file[Page+at+uint64(word)*wordBytes:], w)
}

func (s *segment) tail() (at uint64) {
	if n := len(s.records); n > 0 {
		return s.records[n-1].next
	}
	return 0
}

// install makes the segment one of n-th lap, empty.
func (s *segment) install(lap uint32) {
	s.h.Base += s.tail()
	s.h.FirstSeq += uint64(len(s.records))
	s.h.Lap = lap
	s.h.Ordinal += 3
	s.h.Installed += 1000
	s.records = nil
	s.h.Put(s.file, 0)
	s.h.Put(s.file, 1)
}

// complete is the number of a writer's steps, see append.
const complete = 10

// append does the first steps of a writer: those of a reservation, of which there
// are four, of a fill and of a publication. It reports whether there was room.
func (s *segment) append(r *rand.Rand, payload []byte, steps int, void bool) bool {
	at, seq := s.tail(), s.h.FirstSeq+uint64(len(s.records))
	end := at + Header + uint64(len(payload))
	next := at + Bytes(len(payload))
	if next > s.h.SegmentBytes {
		return false
	}
	level := slog.Level(int32(r.Uint32()))
	rec := written{at, end, next, r.Uint64(), level, bytes.Clone(payload), Reserved}
	tail := uint64(len(s.records)+1)<<32 | next/4
	frame := s.file[Page+at:]
	for step := range steps {
		switch step {
		case 0:
			s.put(at, WordState, PackState(Reserved, len(payload), s.h.Lap))
		case 1:
			s.put(at, WordSeq, seq)
			s.records = append(s.records, rec)
		case 2:
			binary.NativeEndian.PutUint64(s.file[TailWord*wordBytes:], tail)
		case 3:
			binary.NativeEndian.PutUint64(s.file[(TailWord+1)*wordBytes:], TailCheck(tail, s.h.Ordinal))
		case 4:
			s.put(at, WordCheck, PackLevel(level))
		case 5:
			s.put(at, WordTime, rec.time)
		case 6:
			copy(frame[Header:], payload[:len(payload)/2])
		case 7:
			copy(frame[Header:], payload)
		case 8:
			s.put(at, WordCheck, PackLevel(level)|PackCheck(check(Seed(s.h.ID, s.h.Lap), at, frame, len(payload))))
		case 9:
			rec.state = Published
			if void {
				rec.state = Void
			}
			s.put(at, WordState, PackState(rec.state, len(payload), s.h.Lap))
			s.records[len(s.records)-1] = rec
		}
	}
	return true
}

// newSegment returns a segment of three laps that is filled up to frames frames,
// or as far as it goes, with payloads of up to longest bytes. One in a number of
// its frames is not published.
func newSegment(r *rand.Rand, segmentBytes uint64, frames, longest int) *segment {
	s := &segment{
		h:    SegmentHeader{Created: 17, SegmentBytes: segmentBytes, Ordinal: 4, Base: 8000, FirstSeq: r.Uint64N(1 << 40)},
		file: make([]byte, Page+segmentBytes),
	}
	for i := range s.h.ID {
		s.h.ID[i] = byte(r.Uint32())
	}
	for lap := uint32(1); lap <= 3; lap++ {
		s.install(lap)
		for lap < 3 || len(s.records) < frames {
			steps := complete
			if r.IntN(8) == 0 {
				steps = 4 + r.IntN(complete-3)
			}
			if !s.append(r, s.somePayload(r, longest), steps, r.IntN(20) == 0) {
				break
			}
		}
	}
	return s
}

// somePayload returns text, noise, zeros or what a frame looks like.
func (s *segment) somePayload(r *rand.Rand, longest int) []byte {
	p := make([]byte, r.IntN(longest+1))
	switch r.IntN(4) {
	case 0:
		for i := range p {
			p[i] = ' ' + byte(r.IntN(90))
		}
	case 1:
		for i := range p {
			p[i] = byte(r.Uint32())
		}
	case 2:
		if n := len(s.records); n > 0 {
			copy(p, s.file[Page+s.records[r.IntN(n)].at:])
		}
	}
	return p
}

// got is what was read of a segment.
type got struct {
	frames   []Frame
	end, seq uint64
}

// read reads a segment file from beginning to end.
func read(src io.ReaderAt, page []byte, h SegmentHeader) (g got) {
	g.end, g.seq = End(src, page, h)
	var r Reader
	r.Reset(src, h)
	off, seq := uint64(0), h.FirstSeq
	for {
		f, ok := r.Next(off, seq, g.seq)
		if !ok {
			return g
		}
		f.Payload = bytes.Clone(f.Payload)
		g.frames = append(g.frames, f)
		off, seq = f.End, f.Seq+1
	}
}

// judge says what is wrong about g, read of file, which is s but for its damage,
// with a header that says firstSeq: a record that was not written, or one that no
// damage touched and that is not there, or that the sum is not right.
func (s *segment) judge(g got, file []byte, firstSeq uint64) error {
	if g.seq > s.total() {
		return fmt.Errorf("End: %d records, there are %d", g.seq-firstSeq, len(s.records))
	}
	gaps, next := uint64(0), firstSeq
	seen := make([]bool, len(s.records))
	for _, f := range g.frames {
		if f.Seq < next || f.Seq >= g.seq {
			return fmt.Errorf("frame %d after %d and before %d", f.Seq, next, g.seq)
		}
		gaps, next = gaps+f.Seq-next, f.Seq+1
		i := f.Seq - s.h.FirstSeq
		w := s.records[i]
		if f.At != w.at || f.End != w.next || f.Time != w.time || f.Level != w.level || !bytes.Equal(f.Payload, w.payload) {
			return fmt.Errorf("frame %d at %d is not what was written", f.Seq, f.At)
		}
		seen[i] = true
	}
	gaps += g.seq - next
	if n := uint64(len(g.frames)) + gaps; n != g.seq-firstSeq {
		return fmt.Errorf("%d frames and %d lost are not %d", len(g.frames), gaps, g.seq-firstSeq)
	}
	for i, w := range s.records {
		if w.state == Published && !seen[i] && s.whole(w, file) {
			return fmt.Errorf("undamaged frame %d at %d is not returned", s.h.FirstSeq+uint64(i), w.at)
		}
	}
	return nil
}

// whole says whether a record's bytes in file are those of s.
func (s *segment) whole(w written, file []byte) bool {
	return uint64(len(file)) >= Page+w.end && bytes.Equal(file[Page+w.at:Page+w.end], s.file[Page+w.at:Page+w.end])
}

// damaged reads and judges file, which is s but for its damage.
func (s *segment) damaged(file []byte) error {
	page := make([]byte, Page)
	copy(page, file)
	h, err := ReadHeader(page)
	if err != nil {
		ok := false
		h, ok = Rescue(bytes.NewReader(file), int64(len(file)), s.h.ID)
		if !ok || h.Lap != s.h.Lap {
			return s.judge(got{seq: s.h.FirstSeq}, file, s.h.FirstSeq) // nothing may be whole
		}
		return s.judge(read(bytes.NewReader(file), page, h), file, h.FirstSeq)
	}
	if h != s.h {
		return fmt.Errorf("header %+v, want %+v", h, s.h)
	}
	g := read(bytes.NewReader(file), page, h)
	if slices.Equal(page, s.file[:Page]) && (g.seq != s.total() || g.end != s.tail()) && uint64(len(file)) >= Page+s.tail() {
		return fmt.Errorf("End is %d, %d; want %d, %d", g.end, g.seq, s.tail(), s.total())
	}
	return s.judge(g, file, h.FirstSeq)
}
