package otlp

import (
	"encoding/hex"
	"log/slog"
	"strconv"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// uid is the attribute with a record's id
// (https://opentelemetry.io/docs/specs/semconv/general/logs/).
const uid = "log.record.uid"

// special are the members of a record that do not become attributes. nil: there is no such
// one.
type special struct {
	level, body        encode.Raw
	trace, span, flags encode.Raw
}

// record appends a LogRecord.
func (w *writer) record(r *sink.Record) {
	w.collect(r.JSON)
	s := w.extract(r)
	w.times(r.Time)
	w.severity(r.Level, s.level)
	if s.body != nil {
		w.raw(`,"body":`)
		w.value(s.body, 0)
	}
	w.attributes(r.ID)
	w.ids(&s)
	w.raw(`}`)
	w.members = w.members[:0]
}

// times begins a record with its times. That of observation is required, and at its
// origin a record is observed as it comes into being
// (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-observedtimestamp).
func (w *writer) times(t time.Time) {
	w.raw(`{`)
	ns, ok := unixNano(t)
	if ok {
		w.time(`"timeUnixNano":"`, ns)
		w.raw(`,`)
	} else {
		ns, _ = unixNano(w.now)
	}
	w.time(`"observedTimeUnixNano":"`, ns)
}

func (w *writer) time(field string, ns uint64) {
	w.raw(field)
	w.buf = strconv.AppendUint(w.buf, ns, 10)
	w.raw(`"`)
}

// unixNano returns t as a fixed64 of nanoseconds since 1970, which ends in 2554. 0 means
// that the time is not known.
func unixNano(t time.Time) (ns uint64, ok bool) {
	const last = 1<<64/1_000_000_000 - 1
	seconds := t.Unix()
	if seconds < 0 || seconds > last {
		return 0, false
	}
	ns = uint64(seconds)*1e9 + uint64(t.Nanosecond())
	return ns, ns > 0
}

// severity appends the level, and its text as the record has it.
func (w *writer) severity(l slog.Level, text encode.Raw) {
	w.raw(`,"severityNumber":`)
	w.buf = strconv.AppendInt(w.buf, int64(severityNumber(l)), 10)
	w.raw(`,"severityText":`)
	if text.Kind() == encode.KindString {
		w.string(text)
	} else {
		w.quote([]byte(l.String()))
	}
}

// severityNumber returns l as OpenTelemetry numbers severities: 1 to 4 are TRACE, 5 DEBUG,
// 9 INFO, 13 WARN, 17 ERROR, 21 to 24 FATAL
// (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber). The levels
// of log/slog are made for it: https://pkg.go.dev/log/slog#Level.
func severityNumber(l slog.Level) int {
	const trace, info, fatal4 = 1, 9, 24
	return int(min(max(l, trace-info), fatal4-info)) + info
}

// attributes appends the members that are left.
func (w *writer) attributes(id sink.ID) {
	own := id != sink.ID{}
	n := 0
	for i := range w.members {
		if m := &w.members[i]; m.value != nil {
			n++
			own = own && string(m.key) != uid
		}
	}
	if n == 0 && !own {
		return
	}
	w.raw(`,"attributes":[`)
	if own {
		w.raw(`{"key":"` + uid + `","value":{"stringValue":"`)
		w.buf = httppost.AppendID(w.buf, id)
		w.raw(`"}}`)
		if n > 0 {
			w.raw(`,`)
		}
	}
	w.keyValues(0, 0)
	w.raw(`]`)
}

// ids appends what connects the record with a trace.
func (w *writer) ids(s *special) {
	if s.trace == nil {
		return
	}
	if s.flags != nil {
		w.raw(`,"flags":`)
		n, _ := flagsOf(s.flags)
		w.buf = strconv.AppendUint(w.buf, n, 10)
	}
	w.raw(`,"traceId":`)
	w.hex(s.trace)
	if s.span != nil {
		w.raw(`,"spanId":`)
		w.hex(s.span)
	}
}

// hex appends a string of hexadecimal digits in lower case.
func (w *writer) hex(v encode.Raw) {
	for _, c := range v {
		if 'A' <= c && c <= 'F' {
			c += 'a' - 'A'
		}
		w.buf = append(w.buf, c)
	}
}

// isID reports whether v is a string of as many bytes in hexadecimal digits, not all of
// them 0 (https://www.w3.org/TR/trace-context/#trace-id).
func isID(v encode.Raw, bytes int) bool {
	var id [16]byte
	if len(v) != 2*bytes+2 || v.Kind() != encode.KindString {
		return false
	}
	if _, err := hex.Decode(id[:], v[1:len(v)-1]); err != nil {
		return false
	}
	return id != [16]byte{}
}

// flagsOf returns the trace flags that v is: a string of two hexadecimal digits
// (https://www.w3.org/TR/trace-context/#trace-flags), or a number.
func flagsOf(v encode.Raw) (n uint64, ok bool) {
	var err error
	switch {
	case v.Kind() == encode.KindString && len(v) == 4:
		n, err = strconv.ParseUint(string(v[1:3]), 16, 8)
	case v.Kind() == encode.KindNumber && len(v) <= 3:
		n, err = strconv.ParseUint(string(v), 10, 8)
	default:
		return 0, false
	}
	return n, err == nil
}
