package frame

import (
	"encoding/binary"
	"hash/crc32"
)

// castagnoli is the polynomial that amd64 and arm64 have instructions for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seed returns what the CRCs of a segment's frames begin with. It is another for
// each journal and each lap, so that a frame which an earlier lap left, or which
// was copied from another journal, does not check out.
func Seed(id [16]byte, lap uint32) uint32 {
	var b [20]byte
	copy(b[:], id[:])
	binary.LittleEndian.PutUint32(b[16:], lap)
	return crc32.Checksum(b[:], castagnoli)
}

// Check returns the CRC-32C of a frame with a payload of length that begins at
// the byte at behind the segment's header page: of its bytes from the level to
// the end of the payload, begun with seed ^ spread(at). So a frame that a
// misdirected write put elsewhere does not check out. frame begins with the
// frame's first byte; its level, sequence, time and payload are written.
func Check(seed uint32, at uint64, frame []byte, length int) uint32 {
	return crc32.Update(seed^spread(at), castagnoli, frame[12:Header+length])
}

// spread spreads the words before at over 32 bits: by a multiplication with
// 2⁶⁴/φ, of which it takes the upper half (Knuth, The Art of Computer Programming
// 3, 6.4). What a CRC begins with is as good as added to the first four bytes: not
// spread, a bit that differs there would make up for a place that differs.
func spread(at uint64) uint32 {
	return uint32(at / wordBytes * 0x9e3779b97f4a7c15 >> 32)
}
