// Package frame is the durable journal's format below the level of files: the
// frame of a record, the header page of a segment, and the reading of segments
// that a killed process left or that something damaged. It knows bytes and
// [io.ReaderAt], and no operating system; it has no goroutine and no lock.
//
// # Frame
//
// A frame begins at a multiple of eight bytes with four words in the machine's
// byte order; the payload follows, padded to a multiple of eight bytes with
// whatever was there.
//
//	word 0  bits 0–1   state
//	        bits 2–31  length of the payload in bytes
//	        bits 32–63 lap: how many times this memory has been a segment, from 1
//	word 1  bytes 0–3  CRC-32C, see [Check]; zero in a journal in memory
//	        bytes 4–7  level, int32; a level beyond that is the nearest
//	word 2             sequence
//	word 3             Unix time in nanoseconds, int64; −2⁶³ is the zero time.Time,
//	                   and a time beyond the rest is the nearest
//
// A writer first writes words 0 (reserved) and 2, then the tail mirror, then
// words 1 and 3 and the payload, and at last word 0 (published). What a killed
// process leaves is a prefix of that for each of its writers.
//
// # Segment
//
// A segment is a file of a header page of [Page] bytes, see [SegmentHeader] and
// [Tail], and of frames. Segments are used again: behind the last frame lies what
// an earlier lap has left.
package frame

import (
	"log/slog"
	"math"
	"runtime"
	"time"
)

const (
	// Header is the bytes of a frame before its payload.
	Header = 32
	// HeaderWords is the same in words.
	HeaderWords = Header / wordBytes
	// Overhead is the most a record takes beyond its payload: the header and the
	// padding to a multiple of eight bytes.
	Overhead = Header + wordBytes - 1
	// MaxLength is the length of the longest payload that a frame has room for.
	MaxLength = 1<<lengthBits - 1

	wordBytes  = 8
	stateBits  = 2
	lengthBits = 30
	lapShift   = stateBits + lengthBits
)

// The words of a frame's header.
const (
	WordState = iota // state, length, lap: what publishes the frame
	WordCheck        // CRC-32C and level
	WordSeq
	WordTime
)

// State is the lowest two bits of a frame's first word.
type State uint64

// The states of a frame.
const (
	Nothing   State = iota // no frame
	Reserved               // its writer is, or was, at work: only its length and its sequence are to be read
	Published              // complete
	Void                   // its writer failed: as reserved, and for good
)

// Bytes returns the bytes that a frame with a payload of length takes.
func Bytes(length int) uint64 {
	return Header + uint64(length+wordBytes-1)&^uint64(wordBytes-1)
}

// PackState returns a frame's first word. length is at most [MaxLength].
func PackState(s State, length int, lap uint32) uint64 {
	return uint64(lap)<<lapShift | uint64(length)<<stateBits | uint64(s)
}

// UnpackState is the inverse of [PackState].
func UnpackState(w uint64) (s State, length int, lap uint32) {
	return State(w & (1<<stateBits - 1)), int(w >> stateBits & MaxLength), uint32(w >> lapShift)
}

// bigEndian says that a word's first byte is its highest. The Go ports that have
// it so: https://go.dev/wiki/MinimumRequirements.
const bigEndian = runtime.GOARCH == "mips" || runtime.GOARCH == "mips64" ||
	runtime.GOARCH == "ppc64" || runtime.GOARCH == "s390x"

// PackLevel returns a frame's second word with no CRC. A level that has no int32
// is the nearest that has.
func PackLevel(l slog.Level) uint64 {
	l = min(max(l, math.MinInt32), math.MaxInt32)
	if bigEndian {
		return uint64(uint32(int32(l)))
	}
	return uint64(uint32(int32(l))) << 32
}

// UnpackLevel returns the level that a frame's second word holds.
func UnpackLevel(w uint64) slog.Level {
	if bigEndian {
		return slog.Level(int32(uint32(w)))
	}
	return slog.Level(int32(uint32(w >> 32)))
}

// PackCheck returns the CRC's part of a frame's second word, to be combined with
// that of [PackLevel] by |.
func PackCheck(crc uint32) uint64 {
	if bigEndian {
		return uint64(crc) << 32
	}
	return uint64(crc)
}

// UnpackCheck returns the CRC that a frame's second word holds.
func UnpackCheck(w uint64) uint32 {
	if bigEndian {
		return uint32(w >> 32)
	}
	return uint32(w)
}

// noTime stands for the zero Time, which has no Unix nanoseconds.
const noTime = math.MinInt64

// The first and the last instant that have Unix nanoseconds: in 1677 and 2262.
var (
	firstTime = time.Unix(0, noTime+1)
	lastTime  = time.Unix(0, math.MaxInt64)
)

const lastTimeUnix = math.MaxInt64 / int64(time.Second)

// PackTime returns a frame's fourth word: t's Unix nanoseconds, or those of the
// nearest instant that has any.
func PackTime(t time.Time) uint64 {
	ns := t.UnixNano()
	if s := t.Unix(); 0 < s && s < lastTimeUnix {
		return uint64(ns) // as good as always, and cheaper than what follows
	}
	switch {
	case t.IsZero():
		ns = noTime
	case t.Before(firstTime):
		ns = noTime + 1
	case t.After(lastTime):
		ns = math.MaxInt64
	}
	return uint64(ns)
}

// UnpackTime is the inverse of [PackTime]; the location is the local one.
func UnpackTime(w uint64) time.Time {
	if int64(w) == noTime {
		return time.Time{}
	}
	return time.Unix(0, int64(w))
}
