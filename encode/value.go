package encode

import (
	"encoding/json"
	"fmt"
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
func (s *state) appendKey(key string) { s.buf = s.withKey(s.buf, key) }

// appendText appends text as a string, with what is secret in it masked.
func (s *state) appendText(text string) { s.buf = s.withText(s.buf, text) }

// withKey is appendKey for b, which the caller then makes s.buf: to go through
// the state for every piece costs more than the pieces.
func (s *state) withKey(b []byte, key string) []byte {
	b, ok := appendWhole(append(withComma(b), '"'), key)
	if !ok {
		b = s.withSpecial(b, key, true)
	}
	return append(b, '"', ':')
}

// withText is appendText for b.
func (s *state) withText(b []byte, text string) []byte {
	b, ok := appendWhole(append(b, '"'), text)
	switch {
	case !ok:
		b = s.withSpecial(b, text, false)
	case s.patterns:
		b = s.withSpecial(b[:len(b)-len(text)], text, false)
	}
	return append(b, '"')
}

// withSpecial appends the content of a string that may have to be escaped or masked.
func (s *state) withSpecial(b []byte, text string, isKey bool) []byte {
	if r := s.e.rules; r.suspect(text) {
		s.spans = r.spans(s.spans, text, isKey, false)
		return appendMasked(b, text, s.spans)
	}
	return appendEscaped(b, text)
}

// appendFloat appends f in the format of encoding/json, which is that of ES6: an
// exponent for what is very small or large, without a zero before its digit.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		dst = append(dst, `"!ERROR:json: unsupported value: `...)
		dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
		return append(dst, '"')
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); format == 'e' && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendTime appends a time that is not the record's own; they seldom share a
// second.
func appendTime(dst []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 {
		return appendQuoted(dst, errYear)
	}
	dst = append(dst, '"')
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

// appendAny appends v, which is not nil: an error that is no json.Marshaler by its text,
// all else as encoding/json does. It contains panics of v's methods.
func (s *state) appendAny(v any) {
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
