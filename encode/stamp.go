package encode

import "time"

// stamp keeps the text of one second, so that the date and time of records that
// follow closely are worked out once a second.
type stamp struct {
	second   int64
	location *time.Location // nil: nothing is kept
	text     [clockEnd + len("+00:00")]byte
	length   int
}

const (
	stampKey = `"time":"`
	clockEnd = len(stampKey) + len("2006-01-02T15:04:05") // where the fraction of a second goes
)

// append appends the member time with t as time.RFC3339Nano has it. It is not ok if
// the year does not have four digits.
func (c *stamp) append(dst []byte, t time.Time) (_ []byte, ok bool) {
	if second, location := t.Unix(), t.Location(); second != c.second || location != c.location {
		if y := t.Year(); y < 0 || y > 9999 {
			return dst, false
		}
		c.second, c.location = second, location
		c.length = len(t.AppendFormat(append(c.text[:0], stampKey...), time.RFC3339))
	}
	dst = append(dst, c.text[:clockEnd]...)
	if nanos := t.Nanosecond(); nanos != 0 {
		dst = appendFraction(dst, uint32(nanos))
	}
	dst = append(dst, c.text[clockEnd:c.length]...)
	return append(dst, '"'), true
}

// appendFraction appends a point and the nine digits of nanos, without the zeros at
// their end. In threes, they do not have to wait for each other.
func appendFraction(dst []byte, nanos uint32) []byte {
	milli, micro, nano := nanos/1_000_000, nanos/1000%1000, nanos%1000
	dst = append(dst, '.',
		byte('0'+milli/100), byte('0'+milli/10%10), byte('0'+milli%10),
		byte('0'+micro/100), byte('0'+micro/10%10), byte('0'+micro%10),
		byte('0'+nano/100), byte('0'+nano/10%10), byte('0'+nano%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
