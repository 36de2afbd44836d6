package encode

import "time"

// metaTime reads a time as [Meta] documents.
func metaTime(v Raw) (time.Time, bool) {
	var buf [metaMaxText]byte
	s := metaShort(buf[:0], v)
	if len(s) > 4 && s[4] == '-' && v.Kind() == KindString {
		p := dateParser{s: s, ok: true}
		t := p.time()
		return t, p.ok
	}
	return timeOfNumber(s)
}

// dateParser reads a date and time from the front of s. It goes on after a mistake,
// with ok false.
type dateParser struct {
	s  []byte
	ok bool
}

func (p *dateParser) time() time.Time {
	year := p.number(4, 9999)
	p.separator("-")
	month := p.number(2, 12)
	p.separator("-")
	day := p.number(2, 31)
	p.separator("Tt ")
	hour := p.number(2, 23)
	p.separator(":")
	minute := p.number(2, 59)
	second, nanosecond := 0, 0
	if p.next(":") {
		second = p.number(2, 60) // a leap second: RFC 3339, section 5.7
		if p.next(".,") {
			nanosecond = p.fraction()
		}
	}
	offset := p.zone()
	p.ok = p.ok && len(p.s) == 0
	t := time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	if t.Day() != day || t.Month() != time.Month(month) { // 30 February, month 0
		p.ok = false
	}
	return t.Add(time.Duration(second)*time.Second + time.Duration(nanosecond) - offset)
}

// next takes the first byte if it is one of those in set.
func (p *dateParser) next(set string) bool {
	if len(p.s) == 0 {
		return false
	}
	for i := range len(set) {
		if p.s[0] == set[i] {
			p.s = p.s[1:]
			return true
		}
	}
	return false
}

func (p *dateParser) separator(set string) {
	if !p.next(set) {
		p.ok = false
	}
}

// number takes as many digits.
func (p *dateParser) number(digits, most int) int {
	if len(p.s) < digits {
		p.ok = false
		return 0
	}
	n, ok := metaInt(p.s[:digits])
	p.s = p.s[digits:]
	p.ok = p.ok && ok && n <= most
	return n
}

// fraction takes the digits there are and returns them as nanoseconds.
func (p *dateParser) fraction() int {
	n, unit, digits := 0, 100_000_000, 0
	for ; digits < len(p.s) && '0' <= p.s[digits] && p.s[digits] <= '9'; digits++ {
		n += int(p.s[digits]-'0') * unit
		unit /= 10
	}
	p.ok = p.ok && digits > 0
	p.s = p.s[digits:]
	return n
}

// zone takes Z, an offset or nothing, with a space before it or none.
func (p *dateParser) zone() time.Duration {
	p.next(" ")
	negative := len(p.s) > 0 && p.s[0] == '-'
	switch {
	case p.next("Zz"), !p.next("+-"):
		return 0
	}
	d := time.Duration(p.number(2, 23)) * time.Hour
	if p.next(":") || len(p.s) > 0 {
		d += time.Duration(p.number(2, 59)) * time.Minute
	}
	if negative {
		return -d
	}
	return d
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
