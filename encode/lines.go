package encode

import (
	"bytes"
	"log/slog"
	"time"
)

// Lines encodes the lines of another program's output that were read at one moment.
// What they have in common is encoded once: with Lines a line costs a fraction of
// what it costs with [Encoder.AppendLine].
//
// The zero value is for [Lines.Begin]. Lines is not safe for concurrent use.
type Lines struct {
	e      *Encoder
	t      time.Time
	level  slog.Level
	frame  []byte // the record of an empty line
	spare  []byte // memory for another frame
	rest   int    // the index in frame of what is behind the time
	text   int    // the index in frame of that line's quotation marks
	clock  clock
	keys   keyMemory
	record []byte // memory for what Next returns
}

// Begin makes l encode lines that were read at t. attrs stand behind the message of a
// line that becomes a record; they are read here, once.
//
// The first line that has no time is at t and each other one a nanosecond or two later
// than that before it: there are destinations, such as Loki, that take two records with
// the same time and text for one. Where t is the zero Time no line has a time.
func (l *Lines) Begin(e *Encoder, t time.Time, level slog.Level, attrs ...slog.Attr) {
	frame := l.frame[:0]
	if cap(frame) > maxPooled {
		frame, l.spare = nil, nil
	}
	if cap(l.record) > maxPooled {
		l.record = nil
	}
	l.frame = nil // a method of attrs may end the goroutine
	s := getState(e, frame)
	s.beginTime(t)
	rest := len(s.buf)
	s.beginMessage(level)
	text := len(s.buf)
	s.buf = append(s.buf, emptyText...)
	s.endLine(attrs)
	if l.e == nil || l.e.rules != e.rules { // others may mask other keys
		l.keys = keyMemory{}
	}
	l.e, l.t, l.level, l.frame, l.rest, l.text = e, t, level, s.release(), rest, text
}

// step goes on to the time of the next line. Its fraction has all nine digits, so that
// in one second they can be written where those of the line before are.
func (l *Lines) step() {
	if l.t.IsZero() {
		return
	}
	before := l.t.Nanosecond()
	l.t = l.t.Add(1)
	if l.t.Nanosecond()%10 == 0 {
		l.t = l.t.Add(1)
	}
	const point = len("{") + clockEnd // where it is, unless the year cannot be written
	if now := l.t.Nanosecond(); before%10 != 0 && before < now && l.frame[point] == '.' {
		putFraction(l.frame[point+1:], uint32(now))
		return
	}
	s := getState(l.e, l.spare[:0])
	s.beginTime(l.t)
	rest := len(s.buf)
	s.buf = append(s.buf, l.frame[l.rest:]...)
	l.text += rest - l.rest
	l.frame, l.spare, l.rest = s.release(), l.frame, rest
}

// Append appends the record that a line becomes, and returns what [Meta] says of its
// time and level, or else those that Begin was told.
//
// A line that is one JSON object is appended as [Encoder.AppendObject] does, any other as
// [Encoder.AppendLine]. size is the length of the line that line is the head of, or
// else len(line). The head of a JSON object becomes an object: its members up to the
// cut, of the one that is cut what can be kept, and the marks that [Options.MaxRecord]
// has. What stood behind the cut, be it the time or the level, is not known.
func (l *Lines) Append(dst, line []byte, size int64) (out []byte, t time.Time, level slog.Level) {
	h := l.heading()
	return l.append(dst, line, size, &h)
}

// append is Append with what it reads of the line in h.
func (l *Lines) append(dst, line []byte, size int64, h *heading) (out []byte, t time.Time, level slog.Level) {
	var ok bool
	if size > int64(len(line)) {
		out, ok = l.e.appendObjectHead(dst, line, size, h)
	} else {
		out, ok = l.e.appendObject(dst, line, h)
	}
	if ok {
		return out, l.timeOf(h), l.levelOf(h)
	}
	out, t = l.appendText(dst, line, size), l.t
	l.step()
	return out, t, l.level
}

// Next returns the record that the first line of text becomes, as Append has it, and
// how many bytes of text that line takes. It ends with LF or CR LF, which do not belong
// to it, or with text. The record is a part of text or of l's memory: it is good until the
// next call, and not to be changed.
func (l *Lines) Next(text []byte) (record []byte, n int, t time.Time, level slog.Level) {
	h := l.heading()
	if len(text) > 0 && text[0] == '{' {
		end := l.e.rules.cleanEnd(text, &h, h.keys)
		if n = lineEnd(text, end); n > 0 && end <= l.e.max {
			return text[:end], n, l.timeOf(&h), l.levelOf(&h)
		}
		h.odd = true
	}
	line, n := cutLine(text)
	l.record, t, level = l.append(l.record[:0], line, int64(len(line)), &h)
	return l.record, n, t, level
}

func (l *Lines) heading() heading { return heading{clock: &l.clock, keys: &l.keys} }

// lineEnd returns the index behind the end of line at text[i], or 0 if there is none or
// i is negative.
func lineEnd(text []byte, i int) int {
	switch {
	case i < 0:
		return 0
	case i == len(text):
		return i
	case text[i] == '\n':
		return i + 1
	case text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n':
		return i + 2
	}
	return 0
}

// cutLine returns the first line of text and how many bytes it takes there.
func cutLine(text []byte) (line []byte, n int) {
	n = bytes.IndexByte(text, '\n')
	switch {
	case n < 0:
		return text, len(text)
	case n > 0 && text[n-1] == '\r':
		return text[:n-1], n + 1
	}
	return text[:n], n + 1
}

func (l *Lines) timeOf(h *heading) time.Time {
	if !h.t.IsZero() {
		return h.t
	}
	t := l.t
	l.step()
	return t
}

func (l *Lines) levelOf(h *heading) slog.Level {
	if h.levelRank == 0 {
		return l.level
	}
	return h.l
}

// appendText appends a line that is no object.
func (l *Lines) appendText(dst, line []byte, size int64) []byte {
	const quote = len(emptyText) / 2
	base, text, r := len(dst), view(line), l.e.rules
	if size > int64(len(line)) || r.hasPatterns() {
		return l.appendOddText(dst, line, size)
	}
	var ok bool
	out := append(dst, l.frame[:l.text+quote]...)
	if len(line) < longLine {
		out, ok = appendWhole(out, text)
	} else if ok = isPlainLine(line); ok {
		out = append(out, text...)
	}
	if !ok {
		var hasKey bool
		if out, hasKey = appendEscapedLine(out, text); r.suspectLine(line, hasKey) {
			return l.appendOddText(out[:base], line, size)
		}
	}
	out = append(out, l.frame[l.text+quote:]...)
	if len(out)-base > l.e.max {
		return l.appendOddText(out[:base], line, size)
	}
	return out
}

// appendOddText is appendText for a line that may be masked or cut.
func (l *Lines) appendOddText(dst, line []byte, size int64) []byte {
	s := getState(l.e, dst)
	s.buf = append(s.buf, l.frame[:l.text]...)
	s.appendLineText(line, size)
	s.buf = append(s.buf, l.frame[l.text+len(emptyText):]...)
	s.shortenLine(line, size)
	return s.release()
}

const emptyText = `""`

// longLine is the length from which isPlainLine and a copy cost less than appendWhole.
const longLine = 48

// beginTime begins a line's record with its time.
func (s *state) beginTime(t time.Time) {
	s.buf = append(s.buf, '{')
	if !t.IsZero() {
		s.appendTimeMember(t)
	}
}

// beginMessage goes on up to the text of the message.
func (s *state) beginMessage(level slog.Level) {
	s.appendLevelMember(level)
	s.buf = append(s.buf, `,"msg":`...)
}

// appendLineText appends the text of the message, of which line may be the head.
func (s *state) appendLineText(line []byte, originalSize int64) {
	isHead := originalSize > int64(len(line))
	r := s.rules()
	if r == nil {
		s.buf = appendQuoted(s.buf, view(line))
		return
	}
	text := view(s.maskLine(line, isHead))
	s.spans = r.spans(s.spans, text, false, isHead)
	s.buf = append(s.buf, '"')
	s.buf = appendMasked(s.buf, text, s.spans)
	s.buf = append(s.buf, '"')
}

// endLine appends what is behind the text of the message.
func (s *state) endLine(attrs []slog.Attr) {
	if len(attrs) > 0 {
		open := s.open
		s.open = open[len(open):] // no group is open
		s.appendAttrs(attrs)
		s.open = open
	}
	s.buf = append(s.buf, '}')
}

// shortenLine cuts the record if it is too long, and marks it if it was cut or line
// had been.
func (s *state) shortenLine(line []byte, originalSize int64) {
	if originalSize > int64(len(line)) || len(s.buf)-s.base > s.e.max {
		s.shorten(max(originalSize, int64(len(line))))
	}
}
