package encode

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"time"
)

const (
	errTooDeep = "!ERROR:encode: nested deeper than 10000"
	errYear    = "!ERROR:time.Time year outside of range [0,9999]"
)

// appendKey appends a key and its colon.
func (s *state) appendKey(key string) {
	b := s.buf
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b, n := appendPlain(b, key)
	if n < len(key) {
		b = s.appendRest(b, key, n, true)
	}
	s.buf = append(b, '"', ':')
}

// appendText appends text as a string, with what is secret in it masked.
func (s *state) appendText(text string) {
	b := append(s.buf, '"')
	b, n := appendPlain(b, text)
	if n < len(text) || s.e.rules.hasPatterns() {
		b = s.appendRest(b, text, n, false)
	}
	s.buf = append(b, '"')
}

// appendRest appends the content of a string whose first n bytes have been appended
// already, as they are.
func (s *state) appendRest(b []byte, text string, n int, isKey bool) []byte {
	if r := s.e.rules; r.suspect(text) {
		s.spans = r.spans(s.spans, text, isKey, false)
		return appendMasked(b[:len(b)-n], text, s.spans)
	}
	return appendEscaped(b, text[n:])
}

// appendValue appends a value of any kind but group and LogValuer.
func (s *state) appendValue(kind slog.Kind, v slog.Value) {
	switch kind {
	case slog.KindString:
		s.appendText(v.String())
	case slog.KindInt64:
		s.buf = strconv.AppendInt(s.buf, v.Int64(), 10)
	case slog.KindUint64:
		s.buf = strconv.AppendUint(s.buf, v.Uint64(), 10)
	case slog.KindFloat64:
		s.appendFloat(v.Float64())
	case slog.KindBool:
		s.buf = strconv.AppendBool(s.buf, v.Bool())
	case slog.KindDuration:
		s.buf = strconv.AppendInt(s.buf, int64(v.Duration()), 10)
	case slog.KindTime:
		s.appendTime(v.Time())
	default:
		s.appendAny(v.Any())
	}
}

// appendFloat appends f in the format of encoding/json, which is that of ES6: an
// exponent for what is very small or large, without a zero before its digit.
func (s *state) appendFloat(f float64) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		s.buf = append(s.buf, `"!ERROR:json: unsupported value: `...)
		s.buf = strconv.AppendFloat(s.buf, f, 'g', -1, 64)
		s.buf = append(s.buf, '"')
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	s.buf = strconv.AppendFloat(s.buf, f, format, -1, 64)
	if n := len(s.buf); format == 'e' && s.buf[n-4] == 'e' && s.buf[n-3] == '-' && s.buf[n-2] == '0' {
		s.buf[n-2] = s.buf[n-1]
		s.buf = s.buf[:n-1]
	}
}

// appendTime appends a time that is not the record's own; they seldom share a
// second.
func (s *state) appendTime(t time.Time) {
	if y := t.Year(); y < 0 || y > 9999 {
		s.buf = appendQuoted(s.buf, errYear)
		return
	}
	s.buf = append(s.buf, '"')
	s.buf = t.AppendFormat(s.buf, time.RFC3339Nano)
	s.buf = append(s.buf, '"')
}

// appendAny appends v: an error that is no json.Marshaler by its text, all else as
// encoding/json does. It contains panics of v's methods.
func (s *state) appendAny(v any) {
	if v == nil {
		s.buf = append(s.buf, "null"...)
		return
	}
	before := len(s.buf)
	defer func() {
		if p := recover(); p != nil {
			s.buf = s.buf[:before]
			s.appendPanic(v, p)
		}
	}()
	if err, ok := v.(error); ok {
		if _, ok := v.(json.Marshaler); !ok {
			s.appendText(err.Error())
			return
		}
	}
	s.status = scanned
	err := s.json.Encode(v)
	switch {
	case err != nil:
		s.buf = s.buf[:before]
		s.appendText(fmt.Sprintf("!ERROR:%v", err))
	case s.status != scanned:
		s.buf = s.buf[:before]
		s.appendText(errTooDeep)
	}
}

// appendPanic appends what a method of v panicked with; a nil pointer is the most
// likely reason, and reads <nil>, as in fmt.
func (s *state) appendPanic(v, p any) {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		s.appendText("<nil>")
		return
	}
	s.appendText(fmt.Sprintf("!PANIC: %v", p))
}

// jsonWriter is the end of a state's json.Encoder: masks are applied on the way
// from encoding/json's buffer to the record's.
type jsonWriter state

// Write takes a whole value and the newline behind it.
func (w *jsonWriter) Write(p []byte) (int, error) {
	s := (*state)(w)
	value := p[:len(p)-1]
	limit := maxDepth - s.depth
	if s.e.rules == nil && len(value) <= 2*limit {
		s.buf = append(s.buf, value...)
		return len(p), nil
	}
	_, s.status = s.appendJSON(value, limit, false)
	return len(p), nil
}
