package encode

import "time"

// stamp keeps the text of one second, so that the date and time of records that
// follow closely are worked out once a second.
type stamp struct {
	second   int64
	location *time.Location // nil: nothing is kept
	text     [len(time.RFC3339)]byte
	length   int
}

// clockEnd is where the fraction of a second goes.
const clockEnd = len("2006-01-02T15:04:05")

// append appends t as time.RFC3339Nano has it, in quotation marks. It is not ok
// if the year does not have four digits.
func (c *stamp) append(dst []byte, t time.Time) (_ []byte, ok bool) {
	if second, location := t.Unix(), t.Location(); second != c.second || location != c.location {
		if y := t.Year(); y < 0 || y > 9999 {
			return dst, false
		}
		c.second, c.location = second, location
		c.length = len(t.AppendFormat(c.text[:0], time.RFC3339))
	}
	dst = append(dst, '"')
	dst = append(dst, c.text[:clockEnd]...)
	dst = appendFraction(dst, t.Nanosecond())
	dst = append(dst, c.text[clockEnd:c.length]...)
	return append(dst, '"'), true
}

// appendFraction appends a point and the digits of nanos, without the zeros at its
// end.
func appendFraction(dst []byte, nanos int) []byte {
	if nanos == 0 {
		return dst
	}
	digits := [10]byte{'.'}
	n := uint32(nanos)
	digits[9] = byte('0' + n%10)
	n /= 10
	for i := 7; i > 0; i -= 2 {
		pair := n % 100
		n /= 100
		digits[i], digits[i+1] = byte('0'+pair/10), byte('0'+pair%10)
	}
	dst = append(dst, digits[:]...)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
