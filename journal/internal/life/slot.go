package life

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
	"unicode/utf8"
)

// A cursor file is one page. Its header is the magic, the version and the order
// of bytes, the length of the key, the key, zeros, and in the last word of the
// first KiB the CRC-32C of all before it. The two slots begin at the second and
// at the third KiB; the valid one of the higher generation counts. Words are in
// the machine's order.
const (
	cursorMagic   = "fapilogC"
	cursorVersion = 1
	orderMark     = 0x01020304 // the upper half of the version's word

	pageBytes   = 4096
	headerBytes = 1024
	headerSum   = headerBytes - wordBytes
	keyAt       = 3 * wordBytes
	maxKeyBytes = 512

	slotCount  = 2
	slotStride = 1024
	slotWords  = 3 + tallyWords + 1
	slotBytes  = slotWords * wordBytes
	slotSum    = slotBytes - wordBytes

	wordBytes = 8
)

var (
	native     = binary.NativeEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func checksum(b []byte) uint64 { return uint64(crc32.Checksum(b, castagnoli)) }

// slotAt returns the offset of slot i in the file.
func slotAt(i int) int { return headerBytes + i*slotStride }

// slot is what one of the two slots holds: generation, next, origin, the tally
// and the CRC-32C of all that, each one word.
type slot struct {
	generation uint64 // from 1; each stored mark has the next
	mark       Mark
}

// put encodes s.
func (s *slot) put(b *[slotBytes]byte) {
	native.PutUint64(b[0:], s.generation)
	native.PutUint64(b[8:], s.mark.Next)
	native.PutUint64(b[16:], s.mark.Origin)
	for i, n := range s.mark.Tally.words() {
		native.PutUint64(b[(3+i)*wordBytes:], *n)
	}
	native.PutUint64(b[slotSum:], checksum(b[:slotSum]))
}

// readSlot decodes the slot at the beginning of b, or reports that it is not
// valid.
func readSlot(b []byte) (s slot, ok bool) {
	b = b[:slotBytes]
	if native.Uint64(b[slotSum:]) != checksum(b[:slotSum]) {
		return slot{}, false
	}
	s.generation = native.Uint64(b[0:])
	s.mark.Next = native.Uint64(b[8:])
	s.mark.Origin = native.Uint64(b[16:])
	for i, n := range s.mark.Tally.words() {
		*n = native.Uint64(b[(3+i)*wordBytes:])
	}
	return s, true
}

// page is the content of a cursor file.
type page [pageBytes]byte

// newPage returns the file of a cursor that stands at m.
func newPage(key string, m Mark) *page {
	p := new(page)
	copy(p[:], cursorMagic)
	native.PutUint64(p[8:], orderMark<<32|cursorVersion)
	native.PutUint64(p[16:], uint64(len(key)))
	copy(p[keyAt:], key)
	native.PutUint64(p[headerSum:], checksum(p[:headerSum]))
	s := slot{generation: 1, mark: m}
	s.put((*[slotBytes]byte)(p[slotAt(0):]))
	return p
}

// key returns the key in the header.
func (p *page) key() (string, error) {
	sum, written := checksum(p[:headerSum]), native.Uint64(p[headerSum:])
	if string(p[:len(cursorMagic)]) != cursorMagic || sum != written && sum != bits.ReverseBytes64(written) {
		return "", fmt.Errorf("cursor %w: its header is not valid", ErrDamaged)
	}
	if native.Uint64(p[8:]) != orderMark<<32|cursorVersion {
		return "", fmt.Errorf("cursor %w", ErrNewer)
	}
	length := native.Uint64(p[16:])
	if length > maxKeyBytes {
		return "", fmt.Errorf("cursor %w: its key has %d bytes", ErrDamaged, length)
	}
	key := string(p[keyAt:][:length])
	if err := checkKey(key); err != nil {
		return "", fmt.Errorf("cursor %w: %v", ErrDamaged, err)
	}
	return key, nil
}

// newest returns the slot that counts, and which of the two it is.
func (p *page) newest() (s slot, at int, err error) {
	at = -1
	for i := range slotCount {
		if read, ok := readSlot(p[slotAt(i):]); ok && (at < 0 || read.generation > s.generation) {
			s, at = read, i
		}
	}
	if at < 0 {
		return slot{}, 0, fmt.Errorf("cursor %w: it has no valid position", ErrDamaged)
	}
	return s, at, nil
}

// checkKey refuses keys that a cursor's header or JSON has no room for.
func checkKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("a cursor's key cannot be empty")
	case len(key) > maxKeyBytes:
		return fmt.Errorf("a cursor's key has %d bytes: at most %d are possible", len(key), maxKeyBytes)
	case !utf8.ValidString(key):
		return fmt.Errorf("a cursor's key is not UTF-8")
	}
	return nil
}
