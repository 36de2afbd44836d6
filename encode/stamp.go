package encode

import (
	"encoding/binary"
	"slices"
	"time"
)

// stamp keeps the text of one second, so that the date and time of records that
// follow closely are worked out once a second.
type stamp struct {
	second   int64
	location *time.Location // nil: nothing is kept
	text     [48]byte       // the member time, with all digits of a fraction
	length   int
}

const (
	stampKey    = `"time":"`
	clockEnd    = len(stampKey) + len("2006-01-02T15:04:05") // where the fraction of a second goes
	fraction    = ".000000000"
	fractionEnd = clockEnd + len(fraction)
)

// append appends the member time with t as time.RFC3339Nano has it, or with an error if
// its year does not have four digits.
func (c *stamp) append(dst []byte, t time.Time) []byte {
	room := dst[len(dst):cap(dst)]
	if t.Unix() != c.second || t.Location() != c.location || len(room) < len(c.text) {
		return c.appendOther(dst, t)
	}
	text, nanos := (*[len(c.text)]byte)(room), uint32(t.Nanosecond())
	*text = c.text // all of it, which takes three moves
	putFraction(text[clockEnd+1:fractionEnd], nanos)
	if nanos%10 != 0 {
		return dst[:len(dst)+c.length]
	}
	return c.withoutZeros(dst[:len(dst)+fractionEnd])
}

// appendOther is append for the first time in a second, and where there is little room.
func (c *stamp) appendOther(dst []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		return append(dst, stampKey+errYear+`"`...)
	}
	c.second, c.location = t.Unix(), t.Location()
	c.keep(t)
	if c.length > len(c.text) { // a zone of a million hours
		c.location = nil
		return append(t.AppendFormat(append(dst, stampKey...), time.RFC3339Nano), '"')
	}
	return c.append(slices.Grow(dst, len(c.text)), t)
}

// keep notes the text of t's second. It is too long for c.text if length says so.
func (c *stamp) keep(t time.Time) {
	text := t.AppendFormat(append(c.text[:0], stampKey...), time.RFC3339)
	text = slices.Insert(text, clockEnd, []byte(fraction)...)
	c.length = len(append(text, '"'))
}

// withoutZeros removes the zeros at the end of the fraction, and its point if nothing is
// left, and appends what is behind it.
func (c *stamp) withoutZeros(dst []byte) []byte {
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	if dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, c.text[fractionEnd:c.length]...)
}

// putFraction writes the nine digits of nanos.
func putFraction(out []byte, nanos uint32) {
	binary.LittleEndian.PutUint64(out, digits(uint64(nanos/10))|zeros)
	out[8] = byte('0' + nanos%10)
}
