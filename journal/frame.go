package journal

import (
	"log/slog"
	"math"
	"time"
)

// FrameOverhead is the most a record takes of a journal beyond its payload:
// the frame's header and the padding to a multiple of eight bytes.
const FrameOverhead = headerBytes + bytesPerWord - 1

const (
	headerBytes = 32
	headerWords = headerBytes / bytesPerWord
	stateBits   = 2
	lengthBits  = 30
	lapShift    = stateBits + lengthBits
	maxLength   = 1<<lengthBits - 1
)

// The words of a frame's header.
const (
	wordState = iota // state, length, lap: what publishes the frame
	wordLevel        // CRC-32 and level
	wordSeq
	wordTime
)

// frameState is the lowest two bits of a frame's first word.
type frameState uint64

const (
	reserved  frameState = 1 // its writer is at work: what follows the sequence is not to be read
	published frameState = 2
)

// frameBytes returns the bytes that a frame with a payload of length takes.
func frameBytes(length int) uint64 {
	return headerBytes + uint64(length+bytesPerWord-1)&^uint64(bytesPerWord-1)
}

func packState(s frameState, length int, lap uint32) uint64 {
	return uint64(lap)<<lapShift | uint64(length)<<stateBits | uint64(s)
}

func unpackState(w uint64) (s frameState, length int, lap uint32) {
	return frameState(w & (1<<stateBits - 1)), int(w >> stateBits & maxLength), uint32(w >> lapShift)
}

// packLevel returns a frame's second word. A level that has no int32 is the
// nearest that has. The CRC-32 in the upper half is zero: memory needs none.
func packLevel(l slog.Level) uint64 {
	l = min(max(l, math.MinInt32), math.MaxInt32)
	return uint64(uint32(int32(l)))
}

func unpackLevel(w uint64) slog.Level { return slog.Level(int32(uint32(w))) }

// noTime stands for the zero Time, which has no Unix nanoseconds.
const noTime = math.MinInt64

// The first and the last instant that have Unix nanoseconds: in 1677 and 2262.
var (
	firstTime = time.Unix(0, noTime+1)
	lastTime  = time.Unix(0, math.MaxInt64)
)

const lastTimeUnix = math.MaxInt64 / int64(time.Second)

// packTime returns a frame's fourth word: t's Unix nanoseconds, or those of the
// nearest instant that has any.
func packTime(t time.Time) uint64 {
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

func unpackTime(w uint64) time.Time {
	if int64(w) == noTime {
		return time.Time{}
	}
	return time.Unix(0, int64(w))
}
