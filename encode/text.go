package encode

import (
	"time"
	"unicode/utf8"
)

// AppendPretty appends a record's JSON as one line for people, without a newline:
// the time of day in local time (the zone of [time.Local]), the level, the message,
// and the other members as key=value:
//
//	15:04:05.000 INFO  listening addr=:8080 http.method=GET source=cmd/main.go:12
//
// [Meta] says which members are time, level and message; what is not told is left
// out. Members of groups are written with a dotted name, down to eight groups and names of
// 128 bytes; what is deeper, empty groups and lists are written as JSON. A member
// source with nothing but what slog writes there is shortened to the last directory,
// file and line.
// Strings are quoted where a reader could not tell where they end.
//
// With color set, time, level and names are coloured by SGR sequences (ECMA-48,
// section 8.3.117).
//
// Whatever the members hold, it stays one line and cannot command a terminal:
// control characters (C0, DEL and C1, so escape sequences too), U+2028, U+2029 and
// the bidirectional controls U+202A to U+202E and U+2066 to U+2069 are written as \n,
// \r, \t or \uXXXX, and bytes that are not UTF-8 as U+FFFD. The same holds for
// [AppendLogfmt].
//
// obj is to be one valid JSON object. Of other text an unspecified part is
// appended, with the same care.
func AppendPretty(dst, obj []byte, color bool) []byte {
	p := textPrinter{dst: dst, start: len(dst), pretty: true, color: color}
	m := findMeta(obj)
	if m.time.found() {
		p.space()
		p.paint(sgrDim)
		p.dst = m.t.In(time.Local).AppendFormat(p.dst, "15:04:05.000")
		p.paint(sgrReset)
	}
	if m.level.found() {
		p.space()
		p.level(&m)
	}
	if m.message.found() {
		p.space()
		p.dst = appendTextEscaped(p.dst, fieldsInner(m.message.value), false)
	}
	p.others(obj, &m)
	return p.dst
}

// AppendLogfmt appends a record's JSON as one line of logfmt, without a newline: time,
// level and message first, if [Meta] finds them, then the other members, all under
// the names they have:
//
//	time=2024-01-02T15:04:05Z level=INFO msg="request served" http.status=200
//
// Groups, lists and unsafe characters are treated as in [AppendPretty], and so is
// source, whose file keeps all its directories, as slog's TextHandler has it. A value is
// quoted if it is empty or has white space, = or " in it; inside quotes, " and \ have a \
// before them. Names cannot be quoted in logfmt: what is not allowed there becomes _.
// Values are those of the JSON: a [time.Duration] is a number of nanoseconds, for example.
func AppendLogfmt(dst, obj []byte) []byte {
	p := textPrinter{dst: dst, start: len(dst)}
	m := findMeta(obj)
	for _, first := range []*metaMember{&m.time, &m.level, &m.message} {
		if first.found() && first.index >= 0 {
			p.member(first.key, first.value, 0)
		}
	}
	p.others(obj, &m)
	return p.dst
}

const (
	textMaxDepth = 8   // groups in groups that are written with dotted names
	textMaxPath  = 128 // bytes of such a name; both keep the line's length in proportion to the JSON's
)

// textPrinter writes the members of one record.
type textPrinter struct {
	dst    []byte
	start  int // of the line in dst
	pretty bool
	color  bool

	path    [textMaxPath]byte // names of the groups around the member, a dot after each
	pathLen int
}

// space separates what follows from what is before it, if anything is.
func (p *textPrinter) space() {
	if len(p.dst) > p.start {
		p.dst = append(p.dst, ' ')
	}
}

// others writes the members that m has no use for.
func (p *textPrinter) others(obj []byte, m *meta) {
	i := -1
	for k, v := range Fields(obj) {
		i++
		if m.time.is(i) || m.level.is(i) || m.message.is(i) {
			continue
		}
		if k.Is("source") && p.source(k, v) {
			continue
		}
		p.member(k, v, 0)
	}
}

func (p *textPrinter) member(k Key, v Raw, depth int) {
	if v.Kind() == KindObject && depth < textMaxDepth && p.group(k, v, depth) {
		return
	}
	p.key(k)
	switch v.Kind() {
	case KindString:
		s := fieldsInner(v)
		p.dst = appendTextEscaped(p.dst, s, textNeedsQuote(s))
	case KindArray, KindObject:
		start := len(p.dst)
		p.dst = appendTextJSON(p.dst, v)
		if !p.pretty {
			p.dst = quoteTextFrom(p.dst, start)
		}
	default:
		p.dst = appendTextJSON(p.dst, v)
	}
}

// group writes the members of a group with dotted names, unless it has none or its
// name is too long.
func (p *textPrinter) group(k Key, v Raw, depth int) bool {
	outer := p.pathLen
	if len(k) > textMaxPath {
		return false
	}
	path := p.appendKey(p.path[:outer], k)
	if len(path) >= textMaxPath {
		return false
	}
	p.path[len(path)] = '.'
	p.pathLen = len(path) + 1
	empty := true
	for k, v := range Fields(v) {
		empty = false
		p.member(k, v, depth+1)
	}
	p.pathLen = outer
	return !empty
}

// key writes the member's name and what stands between it and the value.
func (p *textPrinter) key(k Key) {
	p.space()
	p.paint(sgrName)
	p.dst = append(p.dst, p.path[:p.pathLen]...)
	p.dst = p.appendKey(p.dst, k)
	p.dst = append(p.dst, '=')
	p.paint(sgrReset)
}

func (p *textPrinter) appendKey(dst []byte, k Key) []byte {
	if p.pretty {
		return appendTextEscaped(dst, k, textNeedsQuote(k))
	}
	return appendLogfmtKey(dst, k)
}

// appendLogfmtKey replaces what a reader of logfmt would not take for part of a
// name.
func appendLogfmtKey(dst, k []byte) []byte {
	if len(k) == 0 {
		return append(dst, '_')
	}
	for len(k) > 0 {
		r, n := fieldsRune(k)
		if textDelimits(r) || r == utf8.RuneError {
			r = '_'
		}
		dst = utf8.AppendRune(dst, r)
		k = k[n:]
	}
	return dst
}
