package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestKilledWriterLeavesWhatIsBeforeIt kills one or two writers after each of
// their steps, in a segment whose memory holds two earlier laps.
func TestKilledWriterLeavesWhatIsBeforeIt(t *testing.T) {
	for last := range complete + 1 {
		for other := 4; other <= complete; other++ { // a reservation is over before the next begins
			t.Run(fmt.Sprint(other, last), func(t *testing.T) {
				r := rand.New(rand.NewPCG(6, 6))
				s := newSegment(r, 4096, 0, 100)
				for range 5 {
					s.append(r, s.somePayload(r, 100), complete, false)
				}
				s.append(r, s.somePayload(r, 100), other, false)
				s.append(r, s.somePayload(r, 100), complete, false)
				s.append(r, s.somePayload(r, 100), last, false)
				g := read(bytes.NewReader(s.file), s.file[:Page], s.h)
				if err := s.judge(g, s.file, s.h.FirstSeq); err != nil {
					t.Error(err)
				}
				want := 6
				for _, steps := range []int{other, last} {
					if steps == complete {
						want++
					}
				}
				if len(g.frames) != want {
					t.Errorf("%d frames, want %d", len(g.frames), want)
				}
				total := s.h.FirstSeq + 7
				if last >= 4 { // its reservation was complete
					total++
				}
				if g.seq != total && (g.seq != total+1 || last < 2) {
					t.Errorf("End says %d, want %d", g.seq-s.h.FirstSeq, total-s.h.FirstSeq)
				}
			})
		}
	}
}

func TestEndIsThatOfTheMirrorUnlessThereAreFramesBehind(t *testing.T) {
	const length = 100
	mirror := func(s *segment, frames, bytes uint64) {
		tail := frames<<32 | bytes/4
		binary.NativeEndian.PutUint64(s.file[TailWord*8:], tail)
		binary.NativeEndian.PutUint64(s.file[TailWord*8+8:], TailCheck(tail, s.h.Ordinal))
	}
	size := Bytes(length)
	tests := []struct {
		name       string
		change     func(s *segment)
		wantFrames uint64 // that End counts
	}{
		{"intact", func(s *segment) {}, 20},
		{"the last is lost", func(s *segment) { clear(s.file[Page+19*size:]) }, 20},
		{"all are lost", func(s *segment) { clear(s.file[Page:]) }, 20},
		{"no mirror", func(s *segment) { clear(s.file[TailWord*8 : Page]) }, 20},
		{"no mirror and no frames", func(s *segment) { clear(s.file[TailWord*8:]) }, 0},
		{"no mirror and the last is lost", func(s *segment) { clear(s.file[TailWord*8 : Page]); clear(s.file[Page+19*size:]) }, 19},
		{"no mirror and one is lost", func(s *segment) { clear(s.file[TailWord*8 : Page]); clear(s.file[Page+5*size:][:size]) }, 20},
		{"the mirror is stale", func(s *segment) { mirror(s, 10, 10*size) }, 20},
		{"the mirror is stale and one behind is lost", func(s *segment) { mirror(s, 10, 10*size); clear(s.file[Page+10*size:][:size]) }, 20},
		{"the mirror is beyond the segment", func(s *segment) { mirror(s, 21, 21*4096) }, 20},
		{"the mirror is of another ordinal", func(s *segment) { s.h.Ordinal++; mirror(s, 10, 10*size); s.h.Ordinal-- }, 20},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := plain(4096, 20, length)
			test.change(s)
			off, seq := End(bytes.NewReader(s.file), s.file[:Page], s.h)
			if off != test.wantFrames*size || seq != s.h.FirstSeq+test.wantFrames {
				t.Errorf("End is %d, %d; want %d frames", off, seq-s.h.FirstSeq, test.wantFrames)
			}
		})
	}
}

func TestEarlierLapIsNoPartOfTheSegment(t *testing.T) {
	for seed := range uint64(100) {
		s := newSegment(rand.New(rand.NewPCG(seed, 7)), 8192, int(seed), 150)
		clear(s.file[TailWord*wordBytes : Page]) // the end is found by scanning
		g := read(bytes.NewReader(s.file), s.file[:Page], s.h)
		if err := s.judge(g, s.file, s.h.FirstSeq); err != nil {
			t.Fatal(err)
		}
		if g.end != s.tail() || g.seq != s.total() {
			t.Fatalf("seed %d: End is %d, %d; want %d, %d", seed, g.end, g.seq, s.tail(), s.total())
		}
		var r Reader
		r.Reset(bytes.NewReader(s.file), s.h)
		if f, ok := r.Next(g.end, 0, Unknown); ok {
			t.Fatalf("seed %d: frame %d behind the end", seed, f.Seq)
		}
	}
}
