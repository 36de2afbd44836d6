package encode

import "time"

// metaTime reads a time as [Meta] documents. c may be nil.
func metaTime(v Raw, c *clock) (time.Time, bool) {
	if n := len(v); 2 <= n && n <= metaMaxText && v[0] == '"' {
		if t, ok := parseDate(view(v[1:n-1]), c); ok { // as most are, without escapes
			return t, true
		}
	}
	var buf [metaMaxText]byte
	s := metaShort(buf[:0], v)
	if len(s) > 4 && s[4] == '-' && v.Kind() == KindString {
		return parseDate(view(s), nil)
	}
	return timeOfNumber(s)
}

const (
	toMinute = len("2006-01-02T15:04")
	toSecond = len("2006-01-02T15:04:05")
)

// clock keeps a second that was read: those of lines that follow closely are worked
// out once a second. The zero value keeps nothing.
type clock struct {
	head, middle, tail uint64 // the first bytes, those behind them and the last ones of how it was written
	seconds            int64  // since 1970, in UTC if no zone follows
}

func (c *clock) keep(s string, seconds int64) {
	*c = clock{load(s, 0), load(s, 8), load(s, toSecond-8), seconds}
}

// kept reports whether s begins with the second that c keeps.
func (c *clock) kept(s string) bool {
	return c != nil && len(s) >= toSecond && load(s, 0) == c.head && load(s, 8) == c.middle && load(s, toSecond-8) == c.tail
}

// parseDate reads a date and time, all of s. c may be nil.
func parseDate(s string, c *clock) (t time.Time, ok bool) {
	var seconds int64
	n := toSecond
	if c.kept(s) {
		seconds = c.seconds
	} else if seconds, n, ok = parseSeconds(s); !ok {
		return t, false
	} else if c != nil && n == toSecond {
		c.keep(s, seconds)
	}
	nanoseconds := 0
	if n == toSecond && len(s) > n && (s[n] == '.' || s[n] == ',') {
		point := n
		for n++; n < len(s) && '0' <= s[n] && s[n] <= '9'; n++ {
			if i := n - point - 1; i < len(tenths) { // digits beyond the nanosecond are cut off
				nanoseconds += int(s[n]-'0') * tenths[i]
			}
		}
		if n == point+1 {
			return t, false
		}
	}
	var east int
	if n+1 != len(s) || s[n] != 'Z' {
		if east, ok = parseZone(s[n:]); !ok {
			return t, false
		}
	}
	return time.Unix(seconds-int64(east), int64(nanoseconds)).UTC(), true
}

// parseSeconds reads a date and time to the minute or second from the front of s, and
// returns the seconds since 1970, were it UTC, and how many bytes it has.
func parseSeconds(s string) (seconds int64, n int, ok bool) {
	if len(s) < toMinute || s[4] != '-' || s[7] != '-' || s[10] != 'T' && s[10] != 't' && s[10] != ' ' || s[13] != ':' {
		return 0, 0, false
	}
	year, month, day := 100*twoDigits(s, 0)+twoDigits(s, 2), twoDigits(s, 5), twoDigits(s, 8)
	hour, minute, second := twoDigits(s, 11), twoDigits(s, 14), 0
	n = toMinute
	if len(s) > toMinute && s[toMinute] == ':' {
		if len(s) < toSecond {
			return 0, 0, false
		}
		second, n = twoDigits(s, toMinute+1), toSecond
	}
	// A second 60 is a leap second: RFC 3339, section 5.7.
	if year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) || hour > 23 || minute > 59 || second > 60 {
		return 0, 0, false
	}
	return 86400*int64(daysSince1970(year, month, day)) + int64(60*(60*hour+minute)+second), n, true
}

// tenths are the parts of a second that the digits behind its point count, in
// nanoseconds.
var tenths = [...]int{1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1}

// twoDigits returns the number that two digits are; of what is no digit it makes
// one that is larger than any part of a time.
func twoDigits(s string, i int) int {
	tens, units := s[i]-'0', s[i+1]-'0'
	if tens > 9 || units > 9 {
		return 1 << 20
	}
	return 10*int(tens) + int(units)
}

// daysBefore is how many days of a year that is no leap year are before a month.
var daysBefore = [...]int{1: 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365}

// daysIn returns how many days a month of a year has.
func daysIn(month, year int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return daysBefore[month+1] - daysBefore[month]
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// daysSince1970 counts the days of the Gregorian calendar. year is 0 or later.
func daysSince1970(year, month, day int) int {
	y := year + 399 // complete years since one that came 400 years before the year 1
	days := 365*y + y/4 - y/100 + y/400 + daysBefore[month] + day - 1
	if month > 2 && isLeap(year) {
		days++
	}
	return days - 865259 // 1 January 1970
}

// parseZone reads Z, an offset or nothing, with a space before it or none, all of s,
// and returns how many seconds it is east of UTC.
func parseZone(s string) (east int, ok bool) {
	if len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, true
	}
	if len(s) < len("+07") || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, minutes := twoDigits(s, 1), 0
	switch {
	case len(s) == len("+0700"):
		minutes = twoDigits(s, 3)
	case len(s) == len("+07:00") && s[3] == ':':
		minutes = twoDigits(s, 4)
	case len(s) > len("+07"):
		return 0, false
	}
	east = 60 * (60*hours + minutes)
	if s[0] == '-' {
		east = -east
	}
	return east, hours <= 23 && minutes <= 59
}

// timeOfNumber reads a number since 1970, its unit told by its magnitude. It does so
// in decimal: a float64 cannot hold nanoseconds of the present.
func timeOfNumber(s []byte) (time.Time, bool) {
	d, ok := parseDecimal(s)
	if !ok || d.point > 20 {
		return time.Time{}, false
	}
	shift := 0
	switch {
	case d.point > 17:
		shift = 9
	case d.point > 14:
		shift = 6
	case d.point > 11:
		shift = 3
	}
	seconds := d.digitsIn(0, d.point-shift)
	nanoseconds := d.digitsIn(d.point-shift, d.point-shift+9)
	if d.negative {
		seconds, nanoseconds = -seconds, -nanoseconds
	}
	return time.Unix(seconds, nanoseconds).UTC(), true
}

// decimal is ±0.d₀d₁d₂… · 10^point; d₀ is not 0.
type decimal struct {
	negative bool
	digits   [32]byte // no more than 20+9 are ever of use
	n        int      // how many there are
	point    int
}

// parseDecimal reads a number as JSON writes it; zeros in front are no mistake.
func parseDecimal(s []byte) (d decimal, ok bool) {
	if len(s) > 0 && s[0] == '-' {
		d.negative = true
		s = s[1:]
	}
	whole := digitsAt(s)
	s, rest := s[:whole], s[whole:]
	if whole == 0 {
		return d, false
	}
	var fraction []byte
	if len(rest) > 0 && rest[0] == '.' {
		n := digitsAt(rest[1:])
		if n == 0 {
			return d, false
		}
		fraction, rest = rest[1:1+n], rest[1+n:]
	}
	exponent, ok := parseExponent(rest)
	if !ok {
		return d, false
	}
	d.fill(s, fraction)
	d.point += exponent
	if d.n == 0 {
		d.point = 0
	}
	return d, true
}

// fill sets digits and point, less the zeros in front.
func (d *decimal) fill(whole, fraction []byte) {
	d.point = len(whole)
	for i := range len(whole) + len(fraction) {
		var c byte
		if i < len(whole) {
			c = whole[i]
		} else {
			c = fraction[i-len(whole)]
		}
		switch {
		case d.n == 0 && c == '0':
			d.point--
		case d.n < len(d.digits):
			d.digits[d.n] = c
			d.n++
		}
	}
}

func digitsAt(s []byte) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func parseExponent(s []byte) (n int, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	negative := len(s) > 0 && s[0] == '-'
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	if n, ok = metaInt(s); negative {
		n = -n
	}
	return n, ok
}

// digitsIn returns the number that the digits from..to-1 form. Those that are not
// there are zeros.
func (d *decimal) digitsIn(from, to int) (n int64) {
	for i := from; i < to; i++ {
		n *= 10
		if 0 <= i && i < d.n {
			n += int64(d.digits[i] - '0')
		}
	}
	return n
}
