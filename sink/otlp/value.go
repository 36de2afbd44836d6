package otlp

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/fapilog/fapilog/encode"
)

// maxDepth is how deep values may be nested. Decoders of protobuf refuse messages that are
// nested deeper than 100 (https://protobuf.dev/programming-guides/proto-limits/); here each
// level is three of them, below six of the request.
const maxDepth = 24

// value appends v as an AnyValue
// (https://opentelemetry.io/docs/specs/otel/common/attribute-type-mapping/). depth is that of the
// object or array it stands in.
func (w *writer) value(v encode.Raw, depth int) {
	switch kind := v.Kind(); {
	case kind == encode.KindString:
		w.raw(`{"stringValue":`)
		w.string(v)
		w.raw(`}`)
	case kind == encode.KindNumber:
		w.number(v)
	case string(v) == "true", string(v) == "false":
		w.raw(`{"boolValue":`)
		w.buf = append(w.buf, v...)
		w.raw(`}`)
	case string(v) == "null":
		w.raw(`{}`)
	case kind == encode.KindArray && depth < maxDepth:
		w.raw(`{"arrayValue":{"values":[`)
		w.array(v, depth+1)
		w.raw(`]}}`)
	case kind == encode.KindObject && depth < maxDepth:
		w.raw(`{"kvlistValue":{"values":[`)
		w.kvlist(v, depth+1)
		w.raw(`]}}`)
	default:
		w.asText(v)
	}
}

// asText appends v as a string of what stands there.
func (w *writer) asText(v encode.Raw) {
	w.raw(`{"stringValue":`)
	w.quote(v)
	w.raw(`}`)
}

func (w *writer) array(v encode.Raw, depth int) {
	i := 0
	for element := range encode.Elements(v) {
		w.comma(i)
		w.value(element, depth)
		i++
	}
}

func (w *writer) kvlist(v encode.Raw, depth int) {
	outer := len(w.members)
	w.collect(v)
	w.keyValues(outer, depth)
	w.members = w.members[:outer]
}

// keyValues appends those of w.members from the given one on that have a value.
func (w *writer) keyValues(from, depth int) {
	unique(w.members[from:])
	i := 0
	for at := from; at < len(w.members); at++ { // w.members grows and shrinks meanwhile
		m := w.members[at]
		if m.value == nil {
			continue
		}
		w.comma(i)
		w.attribute(m.key)
		w.value(m.value, depth)
		w.raw(`}`)
		i++
	}
}

// number appends an integer as one if it fits in 64 bits. What no int64 or double can
// hold is text.
func (w *writer) number(v encode.Raw) {
	integer, valid := isNumber(v)
	switch {
	case !valid:
		w.asText(v)
	case integer && string(v) != "-0":
		if _, err := strconv.ParseInt(string(v), 10, 64); err != nil {
			w.asText(v)
			return
		}
		w.raw(`{"intValue":"`)
		w.buf = append(w.buf, v...)
		w.raw(`"}`)
	case !fitsDouble(v):
		w.asText(v)
	default:
		w.raw(`{"doubleValue":`)
		w.buf = append(w.buf, v...)
		w.raw(`}`)
	}
}

func fitsDouble(v encode.Raw) bool {
	f, err := strconv.ParseFloat(string(v), 64)
	return err == nil && !math.IsInf(f, 0)
}

// isNumber reports whether v is a number by RFC 8259, section 6, and one without fraction and
// exponent.
func isNumber(v []byte) (integer, valid bool) {
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	n := digits(v)
	if n == 0 || v[0] == '0' && n > 1 {
		return false, false
	}
	v, integer = v[n:], true
	if len(v) > 0 && v[0] == '.' {
		if n = digits(v[1:]); n == 0 {
			return false, false
		}
		v, integer = v[1+n:], false
	}
	if len(v) > 0 && (v[0] == 'e' || v[0] == 'E') {
		if v = v[1:]; len(v) > 0 && (v[0] == '-' || v[0] == '+') {
			v = v[1:]
		}
		if n = digits(v); n == 0 {
			return false, false
		}
		v, integer = v[n:], false
	}
	return integer, len(v) == 0
}

// digits returns how many there are at the beginning of s.
func digits(s []byte) (n int) {
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// string appends a JSON string, as it stands if it is one in every respect.
func (w *writer) string(v encode.Raw) {
	if len(v) >= 2 && v[len(v)-1] == '"' && isPlain(v[1:len(v)-1]) {
		w.buf = append(w.buf, v...)
		return
	}
	w.text = encode.Unquote(w.text[:0], v)
	w.quote(w.text)
}

// isPlain reports whether s is UTF-8 that needs no escapes.
func isPlain(s []byte) bool {
	for i, c := range s {
		if c >= utf8.RuneSelf {
			return isPlainUTF8(s[i:])
		}
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func isPlainUTF8(s []byte) bool {
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(s)
}

// quote appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func (w *writer) quote(text []byte) {
	w.buf = append(w.buf, '"')
	if isPlain(text) {
		w.buf = append(w.buf, text...)
	} else {
		w.escape(text)
	}
	w.buf = append(w.buf, '"')
}

func (w *writer) escape(text []byte) {
	const digits = "0123456789abcdef"
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		switch {
		case r == '"' || r == '\\':
			w.buf = append(w.buf, '\\', byte(r))
		case r == '\n':
			w.buf = append(w.buf, '\\', 'n')
		case r == '\t':
			w.buf = append(w.buf, '\\', 't')
		case r < ' ':
			w.buf = append(w.buf, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			w.buf = utf8.AppendRune(w.buf, r)
		}
	}
}
