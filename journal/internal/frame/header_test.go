package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/bits"
	"testing"
)

func someHeader() SegmentHeader {
	return SegmentHeader{
		ID: [16]byte{1, 2, 3, 15: 16}, Created: -5, SegmentBytes: 1 << 26, Ordinal: 7, Lap: 3,
		Base: 1 << 40, FirstSeq: 12345, Installed: 1 << 60,
	}
}

func pageOf(h SegmentHeader) []byte {
	page := make([]byte, Page)
	h.Put(page, 0)
	h.Put(page, 1)
	return page
}

func TestHeaderIsReadAsItWasPut(t *testing.T) {
	want := someHeader()
	page := pageOf(want)
	if got, err := ReadHeader(page); got != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if !bytes.Equal(page[:headerBytes], page[copyBytes:][:headerBytes]) {
		t.Error("the copies differ")
	}
	clear(page[:headerBytes])
	clear(page[copyBytes:][:headerBytes])
	if !bytes.Equal(page, make([]byte, Page)) {
		t.Error("Put writes outside of the copies")
	}
}

func TestHeaderLayoutIsThatOfVersion1(t *testing.T) {
	h := someHeader()
	page := pageOf(h)
	if string(page[:8]) != "fapilogJ" {
		t.Errorf("magic %q", page[:8])
	}
	words := []uint64{0x01020304_00000001, 0, 0, uint64(h.Created), 1 << 26, 7, 3, 1 << 40, 12345, 1 << 60}
	words[1] = binary.NativeEndian.Uint64(h.ID[:8])
	words[2] = binary.NativeEndian.Uint64(h.ID[8:])
	words = append(words, uint64(crc32.Checksum(page[:88], crc32.MakeTable(crc32.Castagnoli))))
	for i, want := range words {
		if got := binary.NativeEndian.Uint64(page[8+8*i:]); got != want {
			t.Errorf("word %d is %#x, want %#x", i+1, got, want)
		}
	}
}

func TestInstallationThatIsCutShortLeavesAHeader(t *testing.T) {
	before, after := someHeader(), someHeader()
	after.Ordinal, after.Lap, after.FirstSeq = 11, 4, 20000
	old, done := pageOf(before), pageOf(after)
	for words := range 2*headerBytes/wordBytes + 1 {
		page := bytes.Clone(old)
		first := min(words*wordBytes, headerBytes)
		copy(page, done[:first])
		copy(page[copyBytes:], done[copyBytes:][:words*wordBytes-first])
		want := before
		if first == headerBytes {
			want = after
		}
		if got, err := ReadHeader(page); got != want || err != nil {
			t.Errorf("after %d words: %+v, %v; want %+v", words, got, err, want)
		}
	}
}

func TestHeaderWithOneCopyDamagedIsTheOther(t *testing.T) {
	h := someHeader()
	page := pageOf(h)
	for _, at := range []int{0, copyBytes} {
		for i := range headerBytes {
			for bit := range 8 {
				page[at+i] ^= 1 << bit
				if got, err := ReadHeader(page); got != h || err != nil {
					t.Fatalf("byte %d, bit %d: %+v, %v", at+i, bit, got, err)
				}
				page[at+i] ^= 1 << bit
			}
		}
	}
}

func TestHeadersThatAreNotToBeRead(t *testing.T) {
	// both changes both copies and, unless left, makes their CRCs right again.
	both := func(left bool, change func(b []byte)) func([]byte) []byte {
		return func(page []byte) []byte {
			for _, at := range []int{0, copyBytes} {
				b := page[at:][:headerBytes]
				change(b)
				if !left {
					binary.NativeEndian.PutUint64(b[sumAt:], uint64(crc32.Checksum(b[:sumAt], castagnoli)))
				}
			}
			return page
		}
	}
	word := func(i int, w uint64) func([]byte) []byte {
		return both(false, func(b []byte) { binary.NativeEndian.PutUint64(b[i*wordBytes:], w) })
	}
	tests := []struct {
		name   string
		change func([]byte) []byte
		want   error
	}{
		{"short", func(p []byte) []byte { return p[:Page-1] }, ErrDamaged},
		{"empty", func(p []byte) []byte { return nil }, ErrDamaged},
		{"zeros", func(p []byte) []byte { clear(p); return p }, ErrDamaged},
		{"magic", both(false, func(b []byte) { b[7] = 'K' }), ErrDamaged},
		{"a version to come", word(1, orderMark<<32|2), ErrNewer},
		{"a version that a flipped bit makes", both(true, func(b []byte) { b[8] ^= 8 }), ErrDamaged},
		{"version 0", word(1, orderMark<<32), ErrDamaged},
		{"no byte order", word(1, 1), ErrDamaged},
		{"the other byte order", both(true, func(b []byte) {
			for i := 8; i < sumAt; i += 8 {
				binary.BigEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:]))
			}
			binary.NativeEndian.PutUint64(b[sumAt:], bits.ReverseBytes64(uint64(crc32.Checksum(b[:sumAt], castagnoli))))
		}), ErrNewer},
		{"CRC", both(true, func(b []byte) { b[sumAt]++ }), ErrDamaged},
		{"CRC's upper half", both(true, func(b []byte) {
			binary.NativeEndian.PutUint64(b[sumAt:], binary.NativeEndian.Uint64(b[sumAt:])|1<<32)
		}), ErrDamaged},
		{"no bytes", word(5, 0), ErrDamaged},
		{"odd bytes", word(5, 4097), ErrDamaged},
		{"more bytes than a tail can say", word(5, MaxSegmentBytes+8), ErrDamaged},
		{"unknown ordinal", word(6, Unknown), ErrDamaged},
		{"lap 0", word(7, 0), ErrDamaged},
		{"lap beyond 32 bits", word(7, 1<<32+1), ErrDamaged},
		{"sequence", word(9, math.MaxUint64), ErrDamaged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if h, err := ReadHeader(test.change(pageOf(someHeader()))); !errors.Is(err, test.want) || h != (SegmentHeader{}) {
				t.Errorf("got %+v, %v; want %v", h, err, test.want)
			}
		})
	}
}

func TestTailIsReadIfItMatchesAndCanBe(t *testing.T) {
	tests := []struct {
		name                  string
		tail, check           uint64
		wantFrames, wantBytes uint64
		want                  bool
	}{
		{"frames", 3<<32 | 200/4, TailCheck(3<<32|200/4, 7), 3, 200, true},
		{"all there can be", 5<<32 | MaxSegmentBytes/4, TailCheck(5<<32|MaxSegmentBytes/4, 7), 5, MaxSegmentBytes, true},
		{"none", 0, TailCheck(0, 7), 0, 0, true},
		{"cut short", 4<<32 | 300/4, TailCheck(3<<32|200/4, 7), 0, 0, false},
		{"of an earlier lap", 3<<32 | 200/4, TailCheck(3<<32|200/4, 6), 0, 0, false},
		{"locked", 3<<32 | 200/4 | 1, TailCheck(3<<32|200/4|1, 7), 0, 0, false},
		{"too few bytes", 3<<32 | 88/4, TailCheck(3<<32|88/4, 7), 0, 0, false},
		{"no frames", 200 / 4, TailCheck(200/4, 7), 0, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			page := make([]byte, Page)
			binary.NativeEndian.PutUint64(page[TailWord*8:], test.tail)
			binary.NativeEndian.PutUint64(page[TailWord*8+8:], test.check)
			frames, bytes, ok := Tail(page, 7)
			if ok != test.want || ok && (frames != test.wantFrames || bytes != test.wantBytes) {
				t.Errorf("got %d, %d, %v", frames, bytes, ok)
			}
		})
	}
	for _, ordinal := range []uint64{0, 1, Unknown} {
		if _, _, ok := Tail(make([]byte, Page), ordinal); ok {
			t.Errorf("zeros match ordinal %d", ordinal)
		}
	}
	if _, _, ok := Tail(make([]byte, Page-1), 1); ok {
		t.Error("a short page matches")
	}
}
