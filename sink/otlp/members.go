package otlp

import (
	"bytes"
	"unicode/utf8"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// collect appends the members of obj to w.members.
func (w *writer) collect(obj []byte) {
	for key, value := range encode.Fields(obj) {
		w.members = append(w.members, member{textOf(key), value})
	}
}

// textOf returns the text of a key, copied only if it has to be. OTLP has no empty keys.
func textOf(key encode.Key) []byte {
	switch {
	case len(key) == 0:
		return []byte("_")
	case bytes.IndexByte(key, '\\') < 0 && utf8.Valid(key):
		return key
	}
	return encode.Unquote(nil, key)
}

// extract takes the members with a meaning out of w.members, which are those of r. What a record
// says about its time and level is taken only if that is what stands elsewhere; of
// several members the first one that will do.
func (w *writer) extract(r *sink.Record) (s special) {
	_, hasTime := unixNano(r.Time)
	var body *member
	bodyRank := 0
	for i := range w.members {
		m := &w.members[i]
		key := string(m.key)
		switch role, rank := encode.RoleOf(key); {
		case hasTime && role == encode.TimeRole && w.isTime(m.value, r):
			m.value, hasTime = nil, false
		case s.level == nil && role == encode.LevelRole && w.isLevel(m.value, r):
			take(&s.level, m)
		case role == encode.MessageRole && m.value.Kind() == encode.KindString && (body == nil || rank < bodyRank):
			body, bodyRank = m, rank
		case s.trace == nil && key == w.fields.trace && isID(m.value, 16):
			take(&s.trace, m)
		}
	}
	if body != nil {
		take(&s.body, body)
	}
	if s.trace != nil {
		w.takeIf(&s.span, w.fields.span, func(v encode.Raw) bool { return isID(v, 8) })
		w.takeIf(&s.flags, w.fields.flags, func(v encode.Raw) bool { _, ok := flagsOf(v); return ok })
	}
	return s
}

func take(field *encode.Raw, m *member) { *field, m.value = m.value, nil }

// takeIf takes the first member of that name that is good for it, if field has none yet.
func (w *writer) takeIf(field *encode.Raw, name string, good func(encode.Raw) bool) {
	for i := range w.members {
		m := &w.members[i]
		if *field == nil && m.value != nil && string(m.key) == name && good(m.value) {
			take(field, m)
			return
		}
	}
}

// maxMeta is longer than any text that is a time or a level.
const maxMeta = 64

// isTime reports whether v, in whatever form, is r's time.
func (w *writer) isTime(v encode.Raw, r *sink.Record) bool {
	if len(v) > maxMeta {
		return false
	}
	t, _, _, _ := encode.Meta(w.object("time", v))
	return t.Equal(r.Time)
}

// isLevel does so for r's level.
func (w *writer) isLevel(v encode.Raw, r *sink.Record) bool {
	if len(v) > maxMeta {
		return false
	}
	_, level, ok, _ := encode.Meta(w.object("level", v))
	return ok && level == r.Level
}

// object returns one with this member only. It is valid until the next use of w.text.
func (w *writer) object(key string, v encode.Raw) []byte {
	w.text = append(append(append(append(w.text[:0], `{"`...), key...), `":`...), v...)
	w.text = append(w.text, '}')
	return w.text
}

// few is the number of members up to which comparing all of them is fastest.
const few = 32

// unique leaves the last of several members of one name: the keys of a list are to be unique
// (https://opentelemetry.io/docs/specs/otel/common/#attribute-collections).
func unique(members []member) {
	if len(members) > few {
		uniqueOfMany(members)
		return
	}
	for i := range members {
		for j := i + 1; j < len(members) && members[i].value != nil; j++ {
			if members[j].value != nil && bytes.Equal(members[i].key, members[j].key) {
				members[i].value = nil
			}
		}
	}
}

func uniqueOfMany(members []member) {
	seen := make(map[string]bool, len(members))
	for i := len(members) - 1; i >= 0; i-- {
		m := &members[i]
		if m.value == nil {
			continue
		}
		if seen[string(m.key)] {
			m.value = nil
		}
		seen[string(m.key)] = true
	}
}
