// Package encode writes log records as JSON, one object per record, byte for
// byte as [slog.NewJSONHandler] of the same Go version would with the same
// options, and masks what is secret while it writes.
//
// # Differences from log/slog
//
// With redaction off, the bytes differ from slog's, less its final newline, only
// where one of these applies:
//
//   - A record longer than [Options.MaxRecord] is cut and marked; see there.
//   - A LogValue that panics becomes "!PANIC: " and what it panicked with, and a
//     ReplaceAttr that panics masks its field. (MarshalJSON, Error and
//     MarshalText that panic are written as slog does: "!PANIC: …", or "<nil>"
//     for a nil pointer.)
//   - Where slog's line is not valid JSON, ours is: slog loses the comma, and
//     ReplaceAttr's groups are off by one, after a named group all of whose
//     attributes are elided; it writes two strings for a time whose year is not
//     in 0–9999, we write the first, which says so; values and groups nested deeper
//     than encoding/json accepts (10,000) become an "!ERROR:" string. A group
//     that contains itself, which ends a process that uses slog, is such a value.
//   - WithGroup("") returns its receiver, as [slog.Handler] demands.
//
// A method that recurses without end and a map that is written to while it is
// logged end the process, as everywhere in Go: no library can recover from them.
//
// # Masks
//
// A key is compared without regard to case (Unicode simple folding, under which
// the Kelvin sign is a k) and without the characters _ - and . in it. When it then
// ends in one of the sensitive words, the whole value is replaced by "***",
// whatever it is and however deep it stands: attributes, groups (those of WithGroup
// too), maps, structs, what a MarshalJSON returns and lines given to AppendObject,
// also where the key is written with escapes or occurs twice. The record's own
// time, level, msg and source are exempt.
//
// Lines that are no object, such as those given to AppendLine, are searched for what
// looks like a member of one, wherever it stands: a sensitive key in quotation marks, a
// colon, and a string, object, array or word, which is replaced by "***" too. What
// looks otherwise is not found: keys without quotation marks (password=x), JSON within
// a string, and the rest of a key or value that another line has begun.
//
// In every string, keys included, the password of a URL's user information is
// replaced: ://user:***@. It ends at the last @ before one of / ? # " < > or white
// space; if what stands before / ? # is no port number, a password with one of
// these in it is assumed and it ends at the next @. In lines that are no object the
// slashes may be written as \/.
//
// Every match of [Redact.Patterns] in a string value is replaced by *** too; matches
// of the empty string are not, and nothing in a record's own time and level: those of
// an object are what [Meta] can read, and what ReplaceAttr has put in their place is a
// value like others.
package encode

import (
	"bytes"
	"log/slog"
	"slices"
	"time"
)

const (
	// DefaultMaxRecord is the size limit of a record when Options.MaxRecord is 0.
	DefaultMaxRecord = 256 << 10

	minMaxRecord = 1 << 10

	// maxDepth is the deepest nesting encoding/json accepts.
	maxDepth = 10000

	// Attributes of a record that is already maxOversize times as long as its
	// limit are not looked at: nothing would be left of them, and groups that
	// contain each other can go on for ever.
	maxOversize = 64
)

// Options configure an Encoder. The zero value is ready to use.
type Options struct {
	AddSource bool // as in [slog.HandlerOptions]

	// ReplaceAttr is as in [slog.HandlerOptions]; what it returns is redacted. If
	// it panics, the field's value is masked.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	Redact Redact

	// MaxRecord is the longest record in bytes; 0 means DefaultMaxRecord, less
	// than 1 KiB is an error. Of a longer one, time, level and message are kept, and
	// the other members in their order while they fit: of long strings and arrays the
	// head, of long objects and groups, down to eight levels, the members in the same
	// way. Then follow "truncated":true and "original_size", the bytes of the whole
	// record (of a record that is 64 times too long: of what was encoded of it; of an
	// object that was cut before: of the whole one, as its marks tell).
	MaxRecord int
}

// settings are what all encoders made from one New share.
type settings struct {
	addSource bool
	replace   func([]string, slog.Attr) slog.Attr
	rules     *rules // nil: redaction is off
	max       int
	stop      int // maxOversize times max
}

// Encoder writes records as JSON. It is immutable and safe for concurrent use.
type Encoder struct {
	*settings
	pre     []byte   // what WithAttrs has encoded, without the comma before it; its groups are open
	opened  int      // braces open in pre
	groups  []string // all groups, for ReplaceAttr
	opening []byte   // opens the groups that are not open in pre
	opens   int      // braces open in opening
	masked  bool     // opening, or pre when there is none, ends in a masked group: nothing follows in it
}

// New returns an Encoder, or all that is wrong with o.
func New(o Options) (*Encoder, error) {
	set, err := newSettings(o)
	if err != nil {
		return nil, err
	}
	return &Encoder{settings: set}, nil
}

// WithAttrs returns an Encoder whose records have attrs after those e adds. They
// are encoded here, once: later changes to what they refer to are not seen.
func (e *Encoder) WithAttrs(attrs []slog.Attr) *Encoder {
	if allEmptyGroups(attrs) || e.masked && len(e.opening) == 0 {
		return e
	}
	s := getState(e, nil)
	s.buf = append(s.buf, '{')
	s.buf = append(s.buf, e.pre...)
	s.depth += e.opened
	e2 := *e
	if len(e.opening) > 0 {
		s.buf = s.withOpening(s.buf)
		e2.opening, e2.opens, e2.opened = nil, 0, e.opened+e.opens
	}
	if !e.masked && !s.appendAttrs(attrs) {
		s.release()
		return e
	}
	e2.pre = bytes.Clone(s.buf[1:]) // never shared: siblings do not append to one array
	s.release()
	return &e2
}

// WithGroup returns an Encoder that puts the attributes added from now on, by
// WithAttrs and by records, into a group. It returns e if name is empty.
func (e *Encoder) WithGroup(name string) *Encoder {
	if name == "" || e.masked {
		return e
	}
	s := getState(e, nil)
	s.buf = append(s.buf, '{')
	s.buf = append(s.buf, e.opening...)
	s.appendKey(name)
	e2 := *e
	e2.groups = append(slices.Clip(e.groups), name)
	if e.rules.matchKey(name) {
		s.buf = append(s.buf, mask...)
		e2.masked = true
	} else {
		s.buf = append(s.buf, '{')
		e2.opens++
	}
	e2.opening = bytes.Clone(s.buf[1:])
	s.release()
	return &e2
}

// AppendRecord appends r to dst as one JSON object without a newline. The
// attributes extra stand at the top level, after the message and before those of
// WithAttrs. Everything is read before it returns; nothing of r is kept. Like append it
// may write to all of dst's capacity.
func (e *Encoder) AppendRecord(dst []byte, r *slog.Record, extra []slog.Attr) []byte {
	s := getState(e, dst)
	s.appendRecord(r, extra, nil)
	return s.release()
}

// AppendObject appends line, which is to be one JSON object; white space around
// it is dropped. Its bytes are unchanged but for masks and the size limit, and for CR and
// LF between its tokens, which become spaces: a record is one line. If
// line is not exactly one valid JSON object (as [encoding/json.Valid] has it), ok is
// false and out is dst. ReplaceAttr and attributes of e have no part in it.
func (e *Encoder) AppendObject(dst, line []byte) (out []byte, ok bool) {
	return e.appendObject(dst, line, nil)
}

// appendObject is AppendObject. Unless h is nil, it becomes what the object says.
func (e *Encoder) appendObject(dst, line []byte, h *heading) (out []byte, ok bool) {
	line = trimBlank(line)
	if len(line) == 0 || line[0] != '{' {
		return dst, false
	}
	if len(line) <= e.max && e.rules.clean(line, h) {
		return append(dst, line...), true
	}
	s := getState(e, dst)
	end, status := s.appendJSON(line, maxDepth, true)
	if status != scanned || end != len(line) {
		return s.release()[:len(dst)], false
	}
	s.endObject(h)
	if size := len(s.buf) - s.base; size > e.max {
		s.shorten(int64(size))
	}
	return s.release(), true
}

// appendObjectHead is appendObject for a line of size bytes, of which head is the head. The
// object is marked as one that was cut.
func (e *Encoder) appendObjectHead(dst, head []byte, size int64, h *heading) (out []byte, ok bool) {
	head = trimBlank(head)
	if len(head) == 0 || head[0] != '{' {
		return dst, false
	}
	s := getState(e, dst)
	if !s.appendObjectHead(head) {
		return s.release()[:len(dst)], false
	}
	s.endObject(h)
	s.shorten(size)
	return s.release(), true
}

// endObject makes the object one line, and h, unless it is nil, what it says: all of it,
// before it is made shorter.
func (s *state) endObject(h *heading) {
	object := s.buf[s.base:]
	oneLine(object)
	if h == nil {
		return
	}
	*h = heading{clock: h.clock}
	eachField(object, func(k Key, v Raw) bool {
		role, rank := roleOfKey(k)
		h.take(role, rank, v)
		return true
	})
}

// oneLine makes a valid object one line. Where it has a CR or LF, that is white space.
func oneLine(object []byte) {
	for _, end := range []byte("\r\n") {
		rest := object
		for i := bytes.IndexByte(rest, end); i >= 0; i = bytes.IndexByte(rest, end) {
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// AppendLine appends a record with the text line as its message: time (unless t is
// the zero Time), level and msg, escaped and masked like a record's.
// originalSize is the length of the line that line is the head of; where it is
// larger than len(line), the record is marked "truncated":true with it as
// "original_size", and a secret that the cut has left without its end is masked
// all the same. attrs stand behind the message; ReplaceAttr is asked about them alone,
// and attributes of e have no part in it.
func (e *Encoder) AppendLine(dst []byte, t time.Time, level slog.Level, line []byte, originalSize int64, attrs ...slog.Attr) []byte {
	s := getState(e, dst)
	s.beginTime(t)
	s.beginMessage(level)
	s.appendLineText(line, originalSize)
	s.endLine(attrs)
	s.shortenLine(line, originalSize)
	return s.release()
}

// allEmptyGroups reports whether there is nothing in attrs but groups without
// attributes.
func allEmptyGroups(attrs []slog.Attr) bool {
	for _, a := range attrs {
		if !isEmptyGroup(a) {
			return false
		}
	}
	return true
}

func isEmptyGroup(a slog.Attr) bool {
	return a.Value.Kind() == slog.KindGroup && len(a.Value.Group()) == 0
}
