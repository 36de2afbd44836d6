package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// smallSegment is one page of frames, about thirty, used for the third time.
func smallSegment() *segment {
	r := rand.New(rand.NewPCG(3, 1))
	return newSegment(r, 4096, 30, 120)
}

func TestAnyByteFlippedLosesAtMostTheRecordItIsIn(t *testing.T) {
	if err := flipEachByte(smallSegment()); err != nil {
		t.Error(err)
	}
}

func flipEachByte(s *segment) error {
	r := rand.New(rand.NewPCG(1, 2))
	file := bytes.Clone(s.file)
	for i := range file {
		for _, mask := range []byte{0xff, 1 << r.IntN(8)} {
			file[i] ^= mask
			if err := s.flipped(file, i); err != nil {
				return fmt.Errorf("byte %d ^ %#x: %w", i, mask, err)
			}
			file[i] ^= mask
		}
	}
	return nil
}

// flipped adds to damaged that every record is accounted for, wherever the flip
// is, and that no frame but the one it is in is missing.
func (s *segment) flipped(file []byte, i int) error {
	if err := s.damaged(file); err != nil {
		return err
	}
	g := read(bytes.NewReader(file), file[:Page], s.h)
	if g.seq != s.total() {
		return fmt.Errorf("End says %d records are %d", s.total()-s.h.FirstSeq, g.seq-s.h.FirstSeq)
	}
	published := 0
	for _, w := range s.records {
		if w.state == Published && (uint64(i) < Page+w.at || uint64(i) >= Page+w.next) {
			published++
		}
	}
	if len(g.frames) < published {
		return fmt.Errorf("%d of %d undamaged frames", len(g.frames), published)
	}
	return nil
}

func TestWithoutItsCRCAFlipIsSeen(t *testing.T) {
	s := smallSegment()
	defer func(c func(uint32, uint64, []byte, int) uint32) { check = c }(check)
	check = func(_ uint32, _ uint64, frame []byte, _ int) uint32 {
		return UnpackCheck(binary.NativeEndian.Uint64(frame[WordCheck*wordBytes:]))
	}
	if flipEachByte(s) == nil {
		t.Error("a reader that does not check passes")
	}
}

func TestWithoutItsPlaceInTheCRCAMovedFrameIsSeen(t *testing.T) {
	defer func(c func(uint32, uint64, []byte, int) uint32) { check = c }(check)
	check = func(seed uint32, _ uint64, frame []byte, length int) uint32 { return Check(seed, 0, frame, length) }
	for seed := range uint64(500) {
		if damageAtRandom(seed) != nil {
			return
		}
	}
	t.Error("a reader that does not check the place passes")
}

// TestDamageLosesOnlyWhatItTouches runs 2,000 seeds, or FAPILOG_DAMAGED many,
// from one that it prints on failure.
func TestDamageLosesOnlyWhatItTouches(t *testing.T) {
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("FAPILOG_DAMAGED")); err == nil {
		n = v
	}
	first := rand.Uint64()
	t.Logf("%d seeds from %d", n, first)
	for i := range uint64(n) {
		if err := damageAtRandom(first + i); err != nil {
			t.Fatalf("seed %d: %v", first+i, err)
		}
	}
}

// damageAtRandom writes a segment and does one to four things to it.
func damageAtRandom(seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 0))
	s := newSegment(r, uint64(1+r.IntN(6))*Page-uint64(r.IntN(3))*wordBytes, r.IntN(200), []int{10, 100, 300, 5000}[r.IntN(4)])
	file := bytes.Clone(s.file)
	var done []string
	for range 1 + r.IntN(4) {
		var what string
		file, what = damage(r, file)
		done = append(done, what)
	}
	if err := s.damaged(file); err != nil {
		return fmt.Errorf("%v: %w", done, err)
	}
	return nil
}

func damage(r *rand.Rand, file []byte) ([]byte, string) {
	if len(file) < 2*Page {
		return file, "nothing"
	}
	from := r.IntN(len(file))
	to := min(len(file), from+1+r.IntN([]int{8, 64, 1000, 9000}[r.IntN(4)]))
	switch r.IntN(6) {
	case 0:
		clear(file[from:to])
		return file, fmt.Sprintf("zeros in %d–%d", from, to)
	case 1:
		for i := from; i < to; i++ {
			file[i] = byte(r.Uint32())
		}
		return file, fmt.Sprintf("noise in %d–%d", from, to)
	case 2:
		file[from] ^= 1 << r.IntN(8)
		return file, fmt.Sprintf("a flip in %d", from)
	case 3:
		if r.IntN(3) > 0 {
			return damage(r, file) // truncation leaves little for the others
		}
		return file[:from], fmt.Sprintf("truncated to %d", from)
	case 4:
		n := len(file) / Page
		a, b := r.IntN(n), r.IntN(n)
		saved := bytes.Clone(file[a*Page : (a+1)*Page])
		copy(file[a*Page:(a+1)*Page], file[b*Page:(b+1)*Page])
		copy(file[b*Page:(b+1)*Page], saved)
		return file, fmt.Sprintf("pages %d and %d swapped", a, b)
	}
	moved := bytes.Clone(file[from:to])
	copy(file[r.IntN(len(file)-len(moved)+1):], moved)
	return file, fmt.Sprintf("%d–%d copied elsewhere", from, to)
}

func TestUnreadablePagesCountAsZeros(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := newSegment(r, uint64(1+r.IntN(200))*Page, 1000, 600)
		bad := map[int64]bool{}
		zeroed := bytes.Clone(s.file)
		for range 1 + r.IntN(3) {
			n := 1 + r.Int64N(int64(len(s.file)/Page)-1)
			bad[n] = true
			clear(zeroed[n*Page : (n+1)*Page])
		}
		page := s.file[:Page]
		want := read(bytes.NewReader(zeroed), page, s.h)
		got := read(eio{bytes.NewReader(s.file), bad}, page, s.h)
		if err := s.judge(got, zeroed, s.h.FirstSeq); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got.end != want.end || got.seq != want.seq || !slices.EqualFunc(got.frames, want.frames, sameFrame) {
			t.Fatalf("seed %d: %d frames to %d, want %d to %d", seed, len(got.frames), got.seq, len(want.frames), want.seq)
		}
	}
}

func sameFrame(a, b Frame) bool {
	return a.At == b.At && a.End == b.End && a.Seq == b.Seq && a.Time == b.Time && a.Level == b.Level && bytes.Equal(a.Payload, b.Payload)
}
