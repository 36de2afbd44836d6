package frame

import "encoding/binary"

// TailWord is the index of the word of a header page that mirrors how much of the
// segment is reserved: bits 32 to 63 are frames, bits 0 to 31 bytes / 4, which is
// even. The word behind it is [TailCheck]'s. A journal stores both with each
// reservation.
const TailWord = 1024 / wordBytes

// TailCheck returns the word that goes behind a mirrored tail in the segment that
// is installed as the ordinal-th.
func TailCheck(tail, ordinal uint64) uint64 { return ^tail + ordinal }

// Tail returns the frames that were reserved in a segment and the bytes that they
// take. It is not ok, which is no damage, if a reservation was cut short or none
// was made yet; nor if page is shorter than [Page].
func Tail(page []byte, ordinal uint64) (frames, bytes uint64, ok bool) {
	if len(page) < Page {
		return 0, 0, false
	}
	tail := binary.NativeEndian.Uint64(page[TailWord*wordBytes:])
	check := binary.NativeEndian.Uint64(page[(TailWord+1)*wordBytes:])
	if check != TailCheck(tail, ordinal) || tail|check == 0 { // zeros would match ordinal 1
		return 0, 0, false
	}
	frames, bytes = tail>>32, tail&(1<<32-1)*4
	ok = bytes%wordBytes == 0 && frames*Header <= bytes && (frames == 0) == (bytes == 0)
	return frames, bytes, ok
}
