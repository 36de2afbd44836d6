package syslog

import (
	"bytes"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

const (
	// maxPrefix is the longest that stands before the header: <191>1 and the time.
	maxPrefix = len("<191>1 ") + len(timeLayout)

	// minRoom is what is left behind the header at least, for structured data and
	// message.
	minRoom = 160

	// minJSON is the shortest size that a record can be cut to and remain an object.
	minJSON = 1 << 10

	timeLayout = "2006-01-02T15:04:05.000000Z" // in UTC; RFC 5424, section 6.2.3
)

// form is how records become messages. It does not change.
type form struct {
	facility int
	header   string // from the time to the structured data
	fields   []field
	open     string // the beginning of the structured data element
	text     bool   // the message is the record's msg
	max      int    // bytes of a message
}

func newForm(c *Config) form {
	facility, _ := facilityOf(c.Facility) // validated
	f := form{facility: facility, header: c.header(), open: "[" + c.sdID(), text: c.Message == Msg, max: int(c.maxMsg())}
	for _, name := range c.Fields {
		f.fields = append(f.fields, field{path: name, open: " " + fitSDName(name) + `="`})
	}
	return f
}

// append appends r as one message of at most f.max bytes without control characters
// below space.
func (f *form) append(dst []byte, r *sink.Record) []byte {
	start := len(dst)
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(f.facility*8+severity(r.Level)), 10)
	dst = append(dst, ">1 "...)
	dst = appendTime(dst, r.Time)
	dst = append(dst, f.header...)
	room := f.max - (len(dst) - start)
	data := len(dst)
	dst = f.appendData(dst, r, room/2)
	dst = append(dst, ' ')
	return f.appendMessage(dst, r, room-(len(dst)-data))
}

// appendTime appends t, or the nil value where the format has no such time.
func appendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if year := t.Year(); t.IsZero() || year < 0 || year > 9999 {
		return append(dst, nilValue...)
	}
	return t.AppendFormat(dst, timeLayout)
}

// severities are those of RFC 5424, section 6.2.1, for levels below.
var severities = [...]struct {
	below    slog.Level
	severity int
}{
	{slog.LevelInfo, 7}, {slog.LevelInfo + 2, 6}, {slog.LevelWarn, 5}, {slog.LevelError, 4},
	{slog.LevelError + 4, 3}, {slog.LevelError + 6, 2}, {slog.LevelError + 8, 1},
}

func severity(level slog.Level) int {
	for _, s := range severities {
		if level < s.below {
			return s.severity
		}
	}
	return 0
}

// appendMessage appends the MSG, at most room bytes.
func (f *form) appendMessage(dst []byte, r *sink.Record, room int) []byte {
	if f.text {
		if _, _, _, msg := encode.Meta(r.JSON); msg != nil {
			return appendText(dst, msg, room)
		}
	}
	return appendJSON(dst, r.JSON, room)
}

// appendText appends a text, cut and marked if need be.
func appendText(dst, text []byte, room int) []byte {
	var array [64]byte
	mark := append(array[:0], " [truncated from "...)
	mark = strconv.AppendInt(mark, int64(len(text)), 10)
	mark = append(mark, " bytes]"...)
	return appendLimited(dst, text, room, mark, appendSafe)
}

// appendJSON appends an object as UTF-8, made to fit if need be. What is a control
// character in it is white space, if it is valid.
func appendJSON(dst, obj []byte, room int) []byte {
	if !utf8.Valid(obj) {
		obj = []byte(string(bytes.Runes(obj)))
	}
	start := len(dst)
	switch {
	case len(obj) <= room:
		dst = append(dst, obj...)
	case room < minJSON:
		return appendText(dst, obj, room)
	default:
		cutter, err := encode.New(encode.Options{Redact: encode.Redact{Off: true}, MaxRecord: room})
		if err != nil {
			return appendText(dst, obj, room)
		}
		cut, ok := cutter.AppendObject(dst, obj)
		if !ok {
			return appendText(dst, obj, room)
		}
		dst = cut
	}
	for i, c := range dst[start:] {
		if c < ' ' {
			dst[start+i] = ' '
		}
	}
	return dst
}
