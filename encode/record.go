package encode

import (
	"log/slog"
	"time"
)

// appendRecord appends r, with attrs behind its own, as an object that is no longer
// than the limit.
func (s *state) appendRecord(r *slog.Record, extra, attrs []slog.Attr) {
	e := s.e
	b := s.withBuiltins(append(s.buf, '{'), r)
	if len(extra) > 0 {
		open := s.open
		s.open = open[len(open):] // none is open yet; what is in open is still needed
		b, _ = s.withAttrs(b, extra)
		s.open = open
	}
	if len(e.pre) > 0 {
		b = append(withComma(b), e.pre...)
	}
	braces := e.opened
	s.depth += braces
	if len(e.opening) > 0 {
		b, braces = s.withGroups(b, r, attrs)
	} else if !e.masked {
		b, _ = s.withOwn(b, r, attrs)
	}
	for range braces {
		b = append(b, '}')
	}
	s.buf = append(b, '}')
	if size := len(s.buf) - s.base; size > e.max {
		s.shorten(int64(size))
	}
}

// withGroups appends to b the attributes in the groups WithGroup has begun, which are left
// out if there is nothing in them. It returns how many braces are open.
func (s *state) withGroups(b []byte, r *slog.Record, attrs []slog.Attr) (_ []byte, braces int) {
	e := s.e
	if r.NumAttrs() == 0 && allEmptyGroups(attrs) {
		return b, e.opened
	}
	out, appended := s.withOpening(b), true
	if !e.masked {
		out, appended = s.withOwn(out, r, attrs)
	}
	if !appended {
		return out[:len(b)], e.opened
	}
	return out, e.opened + e.opens
}

// withOwn appends to b the attributes of r, and attrs, and reports whether that was
// anything.
func (s *state) withOwn(b []byte, r *slog.Record, attrs []slog.Attr) (_ []byte, appended bool) {
	r.Attrs(func(a slog.Attr) bool { // this copies r, as NumAttrs does
		var ok bool
		b, ok = s.withAttr(b, &a)
		appended = appended || ok
		return true
	})
	for i := range attrs {
		// Groups without attributes are never added to a slog.Record.
		if a := &attrs[i]; !isEmptyGroup(*a) {
			var ok bool
			b, ok = s.withAttr(b, a)
			appended = appended || ok
		}
	}
	return b, appended
}

// withOpening opens the groups that WithAttrs has not.
func (s *state) withOpening(b []byte) []byte {
	s.depth += s.e.opens
	return append(withComma(b), s.e.opening...)
}

// withBuiltins appends the record's own members to b.
func (s *state) withBuiltins(b []byte, r *slog.Record) []byte {
	if s.set.replace != nil {
		return s.withReplacedBuiltins(b, r)
	}
	if !r.Time.IsZero() {
		b = s.stamp.append(b, r.Time)
	}
	b = withLevel(b, r.Level)
	if s.set.addSource {
		b = s.withBuiltin(b, slog.Any(slog.SourceKey, r.Source()))
	}
	return s.withText(append(b, `,"msg":`...), r.Message)
}

// withReplacedBuiltins is withBuiltins for a record whose own members
// ReplaceAttr may rewrite. It is told of no groups, not even around the source's
// members.
func (s *state) withReplacedBuiltins(b []byte, r *slog.Record) []byte {
	if !r.Time.IsZero() {
		b = s.withBuiltin(b, slog.Time(slog.TimeKey, r.Time))
	}
	b = s.withBuiltin(b, slog.Any(slog.LevelKey, r.Level))
	if s.set.addSource {
		src := r.Source()
		if src == nil {
			src = &slog.Source{}
		}
		b = s.withBuiltin(b, slog.Any(slog.SourceKey, src))
	}
	return s.withBuiltin(b, slog.String(slog.MessageKey, r.Message))
}

// withBuiltin appends one of the record's own members to b.
func (s *state) withBuiltin(b []byte, a slog.Attr) []byte {
	s.builtin = true
	b, _ = s.withAttr(b, &a)
	s.builtin = false
	return b
}

// withLevel appends the record's level to b.
func withLevel(b []byte, level slog.Level) []byte {
	if level == slog.LevelInfo {
		return append(withComma(b), `"level":"INFO"`...)
	}
	return withOtherLevel(b, level)
}

// withOtherLevel is withLevel for any level. The names of levels hold nothing that needs an
// escape.
func withOtherLevel(b []byte, level slog.Level) []byte {
	b = append(withComma(b), `"level":"`...)
	b = append(b, level.String()...)
	return append(b, '"')
}

func (s *state) appendTimeMember(t time.Time)       { s.buf = s.stamp.append(s.buf, t) }
func (s *state) appendLevelMember(level slog.Level) { s.buf = withLevel(s.buf, level) }

// withComma separates the next member from the one before. Nothing but an object that
// has just been opened ends in a brace that opens.
func withComma(b []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return b
}
