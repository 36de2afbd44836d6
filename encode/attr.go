package encode

import (
	"fmt"
	"log/slog"
	"strconv"
)

// maxLogValues is how often LogValue is called on one value, as in log/slog.
const maxLogValues = 100

// appendAttrs reports whether it appended anything.
func (s *state) appendAttrs(attrs []slog.Attr) (appended bool) {
	s.buf, appended = s.withAttrs(s.buf, attrs)
	return appended
}

// withAttrs is appendAttrs for b, as withKey is appendKey.
func (s *state) withAttrs(b []byte, attrs []slog.Attr) (_ []byte, appended bool) {
	for i := range attrs {
		var ok bool
		b, ok = s.withAttr(b, &attrs[i])
		appended = appended || ok
	}
	return b, appended
}

// withAttr appends a to b, and reports whether it was more than an attribute that is
// elided. Like log/slog it says so of a group without attributes, for which nothing is
// written. What is common is quick: a key that is known, and a value that is no group.
func (s *state) withAttr(b []byte, a *slog.Attr) (_ []byte, appended bool) {
	if len(b) > s.stop {
		return b, true
	}
	if s.set.replace != nil {
		replaced, ok := s.replaced(*a)
		if !ok {
			return s.withMasked(b, a.Key), true
		}
		a = &replaced
	}
	var member []byte // b with the key
	start := len(b)
	head, tail := fingerprint(a.Key)
	key, room := s.keys.place(head, tail), b[len(b):cap(b)]
	if key.is(a.Key, head, tail) && len(room) >= len(key.text) && b[start-1] != '{' {
		*(*[len(key.text)]byte)(room) = key.text // as much as three moves take
		member = b[:start+key.size]
	} else {
		var masked bool
		if member, masked = s.withNewKey(b, a, key.is(a.Key, head, tail)); masked {
			return member, true
		}
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return s.withText(member, a.Value.String()), true
	case slog.KindInt64:
		return appendInt(member, a.Value.Int64()), true
	case slog.KindDuration:
		return appendInt(member, int64(a.Value.Duration())), true
	case slog.KindBool:
		return strconv.AppendBool(member, a.Value.Bool()), true
	case slog.KindUint64:
		return appendUint(member, a.Value.Uint64()), true
	case slog.KindFloat64:
		return appendFloat(member, a.Value.Float64()), true
	case slog.KindTime:
		return appendTime(member, a.Value.Time()), true
	case slog.KindGroup:
		return s.withGroup(member, start, a.Key, a.Value.Group())
	case slog.KindLogValuer: // there is none where ReplaceAttr is
		return s.withAttr(member[:start], &slog.Attr{Key: a.Key, Value: resolve(a.Value)})
	}
	switch v := a.Value.Any().(type) {
	case nil:
		if a.Key == "" {
			return member[:start], false
		}
		return append(member, "null"...), true
	case slog.Level: // as a record's own is where ReplaceAttr leaves it as it is
		member = append(append(member, '"'), v.String()...)
		return append(member, '"'), true
	case *slog.Source:
		return s.withSource(member, start, a.Key, v)
	default:
		s.buf = member
		s.appendAny(v)
		return s.buf, true
	}
}

// withNewKey appends a's key to b, or the whole member if it is masked. A key that was
// not known is from now on, if it needs no mask.
func (s *state) withNewKey(b []byte, a *slog.Attr, known bool) (_ []byte, masked bool) {
	if known {
		return s.withKey(b, a.Key), false
	}
	own := s.builtin && (isOwn(a.Key) || isOfSource(a.Key))
	if !own && s.e.rules.matchKey(a.Key) {
		return s.withMasked(b, a.Key), true
	}
	if !s.builtin {
		s.keys.add(a.Key)
	}
	return s.withKey(b, a.Key), false
}

// withMasked appends the member key to b, with its value masked.
func (s *state) withMasked(b []byte, key string) []byte {
	return append(s.withKey(b, key), mask...)
}

// withGroup appends a group to member, which is its key, or its members in place of
// that if key is empty; or nothing from start on if all of them are elided.
func (s *state) withGroup(member []byte, start int, key string, attrs []slog.Attr) (b []byte, appended bool) {
	switch {
	case len(attrs) == 0:
		return member[:start], true
	case s.nesting == maxDepth || s.depth == maxDepth:
		return s.withText(member, errTooDeep), true
	}
	s.nesting++
	if key == "" {
		b, appended = s.withAttrs(member[:start], attrs)
	} else {
		s.pushGroup(key)
		b, appended = s.withAttrs(append(member, '{'), attrs)
		s.popGroup()
		b = append(b, '}')
	}
	s.nesting--
	if !appended {
		return b[:start], false
	}
	return b, true
}

func (s *state) pushGroup(name string) {
	s.depth++
	if s.e.replace != nil && !s.builtin {
		s.open = append(s.open, name)
	}
}

func (s *state) popGroup() {
	s.depth--
	if s.e.replace != nil && !s.builtin {
		s.open = s.open[:len(s.open)-1]
	}
}

// withSource is withGroup for what is known of src.
func (s *state) withSource(member []byte, start int, key string, src *slog.Source) (_ []byte, appended bool) {
	if src == nil {
		return member[:start], false
	}
	attrs := make([]slog.Attr, 0, 3)
	if src.Function != "" {
		attrs = append(attrs, slog.String("function", src.Function))
	}
	if src.File != "" {
		attrs = append(attrs, slog.String("file", src.File))
	}
	if src.Line != 0 {
		attrs = append(attrs, slog.Int("line", src.Line))
	}
	if len(attrs) == 0 {
		return member[:start], false
	}
	return s.withGroup(member, start, key, attrs)
}

// replaced returns what ReplaceAttr makes of a, resolved before and after. It is
// not ok if ReplaceAttr panicked.
func (s *state) replaced(a slog.Attr) (_ slog.Attr, ok bool) {
	a.Value = resolve(a.Value)
	if a.Value.Kind() == slog.KindGroup {
		return a, true
	}
	b, ok := s.callReplace(a)
	if !ok {
		return a, false
	}
	b.Value = resolve(b.Value)
	return b, true
}

func (s *state) callReplace(a slog.Attr) (b slog.Attr, ok bool) {
	defer func() {
		if !ok {
			_ = recover()
		}
	}()
	var groups []string
	if !s.builtin {
		groups = s.open
	}
	return s.e.replace(groups, a), true
}

// resolve returns what v's LogValue returns, and so on; an error if that panics.
func resolve(v slog.Value) (resolved slog.Value) {
	if v.Kind() != slog.KindLogValuer {
		return v
	}
	defer func() {
		if p := recover(); p != nil {
			resolved = slog.AnyValue(fmt.Errorf("!PANIC: %v", p))
		}
	}()
	next := v
	for range maxLogValues {
		if next.Kind() != slog.KindLogValuer {
			return next
		}
		next = next.LogValuer().LogValue()
	}
	return slog.AnyValue(fmt.Errorf("LogValue called too many times on Value of type %T", v.Any()))
}
