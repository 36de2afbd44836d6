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
	for _, a := range attrs {
		if s.appendAttr(a) {
			appended = true
		}
	}
	return appended
}

// appendAttr reports whether a was more than an attribute that is elided. Like
// log/slog it says so of a group without attributes, for which nothing is
// written.
func (s *state) appendAttr(a slog.Attr) (appended bool) {
	if len(s.buf) > s.stop {
		return true
	}
	e := s.e
	if e.replace != nil {
		var ok bool
		if a, ok = s.replaced(a); !ok {
			s.appendMasked(a.Key)
			return true
		}
	}
	key := s.keys.find(a.Key)
	if key == nil && e.rules.matchKey(a.Key) && !(s.builtin && (isOwn(a.Key) || isOfSource(a.Key))) {
		return s.appendMasked(a.Key)
	}
	return s.appendMember(a, key)
}

// appendMember appends a under its key, which is known if it has been written
// before. What is common comes first: a call has a few of these, and hardly
// anything else.
func (s *state) appendMember(a slog.Attr, known *cachedKey) (appended bool) {
	kind := a.Value.Kind()
	switch kind {
	case slog.KindLogValuer:
		a.Value = resolve(a.Value)
		return s.appendMember(a, known)
	case slog.KindGroup:
		return s.appendGroup(a.Key, a.Value.Group())
	case slog.KindAny:
		return s.appendAnyMember(a.Key, known, a.Value.Any())
	}
	b := s.withKnownKey(s.buf, a.Key, known)
	switch kind {
	case slog.KindString:
		b = s.withText(b, a.Value.String())
	case slog.KindInt64:
		b = appendInt(b, a.Value.Int64())
	case slog.KindDuration:
		b = appendInt(b, int64(a.Value.Duration()))
	case slog.KindUint64:
		b = appendUint(b, a.Value.Uint64())
	case slog.KindBool:
		b = strconv.AppendBool(b, a.Value.Bool())
	case slog.KindFloat64:
		b = appendFloat(b, a.Value.Float64())
	case slog.KindTime:
		b = appendTime(b, a.Value.Time())
	}
	s.buf = b
	return true
}

// appendAnyMember appends a member of any type.
func (s *state) appendAnyMember(key string, known *cachedKey, v any) (appended bool) {
	if v == nil && key == "" {
		return false
	}
	if src, ok := v.(*slog.Source); ok {
		return s.appendSource(key, src)
	}
	s.buf = s.withKnownKey(s.buf, key, known)
	s.appendAny(v)
	return true
}

// appendMasked appends the member key with its value masked.
func (s *state) appendMasked(key string) bool {
	s.appendKey(key)
	s.buf = append(s.buf, mask...)
	return true
}

// appendGroup appends a group, or its members if key is empty, unless all of them
// are elided.
func (s *state) appendGroup(key string, attrs []slog.Attr) (appended bool) {
	if len(attrs) == 0 {
		return true
	}
	if s.nesting == maxDepth || s.depth == maxDepth {
		s.appendKey(key)
		s.appendText(errTooDeep)
		return true
	}
	s.nesting++
	if key == "" {
		appended = s.appendAttrs(attrs)
	} else {
		appended = s.appendNamedGroup(key, attrs)
	}
	s.nesting--
	return appended
}

func (s *state) appendNamedGroup(key string, attrs []slog.Attr) (appended bool) {
	before := len(s.buf)
	s.appendKey(key)
	s.buf = append(s.buf, '{')
	s.pushGroup(key)
	appended = s.appendAttrs(attrs)
	s.popGroup()
	if !appended {
		s.buf = s.buf[:before]
		return false
	}
	s.buf = append(s.buf, '}')
	return true
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

// appendSource appends what is known of src as a group.
func (s *state) appendSource(key string, src *slog.Source) (appended bool) {
	if src == nil {
		return false
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
		return false
	}
	return s.appendGroup(key, attrs)
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
