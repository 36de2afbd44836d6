package frame

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestHeaderIsRescuedFromTheFrames(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *segment) // damages s.file, a copy
		lost   uint64           // of the newest lap's first frames
		none   bool
	}{
		{name: "header lost", change: func(s *segment) {}},
		{name: "the first frame lost, too", change: func(s *segment) { clear(s.file[Page:][:s.records[0].next]) }, lost: 1},
		{name: "five frames lost", change: func(s *segment) { clear(s.file[Page:][:s.records[4].next]) }, lost: 5},
		{name: "all lost", change: func(s *segment) { clear(s.file[Page:]) }, none: true},
		{name: "another life's", change: func(s *segment) { s.h.ID[0]++ }, none: true},
		{name: "no frames", change: func(s *segment) { s.file = s.file[:Page] }, none: true},
		{name: "no file", change: func(s *segment) { s.file = nil }, none: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 9))
			s := newSegment(r, 8192, 0, 100)
			for range 20 {
				s.append(r, s.somePayload(r, 100), complete, false)
			}
			before := *s
			s.file = bytes.Clone(s.file)
			test.change(s)
			h, ok := Rescue(bytes.NewReader(s.file), int64(len(s.file)), s.h.ID)
			want := SegmentHeader{ID: s.h.ID, SegmentBytes: 8192, Lap: 3, FirstSeq: s.h.FirstSeq + test.lost, Ordinal: Unknown, Base: Unknown}
			if ok == test.none || ok && h != want {
				t.Fatalf("got %+v, %v; want %+v", h, ok, want)
			}
			if !ok {
				return
			}
			g := read(bytes.NewReader(s.file), make([]byte, Page), h)
			if err := before.judge(g, s.file, h.FirstSeq); err != nil {
				t.Error(err)
			}
			if g.seq != s.total() {
				t.Errorf("End is %d, want %d", g.seq, s.total())
			}
		})
	}
}
