package encode

import (
	"log/slog"
	"time"
)

// appendRecord appends r, with attrs behind its own, as an object that is no longer
// than the limit.
func (s *state) appendRecord(r *slog.Record, extra, attrs []slog.Attr) {
	e := s.e
	s.buf = append(s.buf, '{')
	s.appendBuiltins(r)
	if len(extra) > 0 {
		open := s.open
		s.open = open[len(open):] // none is open yet; what is in open is still needed
		s.appendAttrs(extra)
		s.open = open
	}
	if len(e.pre) > 0 {
		s.comma()
		s.buf = append(s.buf, e.pre...)
	}
	braces := e.opened
	if r.NumAttrs() > 0 || !allEmptyGroups(attrs) {
		braces = s.appendInGroups(r, attrs)
	}
	for range braces {
		s.buf = append(s.buf, '}')
	}
	s.buf = append(s.buf, '}')
	if size := len(s.buf) - s.base; size > e.max {
		s.shorten(int64(size))
	}
}

// appendInGroups appends the attributes in the groups WithGroup has begun, which
// are left out if there is nothing in them. It returns how many braces are open.
func (s *state) appendInGroups(r *slog.Record, attrs []slog.Attr) (braces int) {
	e := s.e
	s.depth = 1 + e.opened
	before := len(s.buf)
	s.appendOpening()
	if e.masked {
		return e.opened + e.opens
	}
	appended := false
	if r.NumAttrs() > 0 { // Attrs copies the record
		r.Attrs(func(a slog.Attr) bool {
			if s.appendAttr(a) {
				appended = true
			}
			return true
		})
	}
	for _, a := range attrs {
		// Groups without attributes are never added to a slog.Record.
		if !isEmptyGroup(a) && s.appendAttr(a) {
			appended = true
		}
	}
	if !appended {
		s.buf = s.buf[:before]
		return e.opened
	}
	return e.opened + e.opens
}

// appendOpening opens the groups that WithAttrs has not, and reports whether there
// are any.
func (s *state) appendOpening() bool {
	e := s.e
	if len(e.opening) == 0 {
		return false
	}
	s.comma()
	s.buf = append(s.buf, e.opening...)
	s.depth += e.opens
	return true
}

// appendBuiltins appends the record's own members.
func (s *state) appendBuiltins(r *slog.Record) {
	if s.e.replace != nil {
		s.appendReplacedBuiltins(r)
		return
	}
	if !r.Time.IsZero() {
		s.appendTimeMember(r.Time)
	}
	s.appendLevelMember(r.Level)
	if s.e.addSource {
		s.builtin = true
		s.appendAttr(slog.Any(slog.SourceKey, r.Source()))
		s.builtin = false
	}
	s.buf = append(s.buf, `,"msg":`...)
	s.appendText(r.Message)
}

// appendReplacedBuiltins is appendBuiltins for a record whose own members
// ReplaceAttr may rewrite. It is told of no groups, not even around the source's
// members.
func (s *state) appendReplacedBuiltins(r *slog.Record) {
	s.builtin = true
	if !r.Time.IsZero() {
		s.appendAttr(slog.Time(slog.TimeKey, r.Time))
	}
	s.appendAttr(slog.Any(slog.LevelKey, r.Level))
	if s.e.addSource {
		src := r.Source()
		if src == nil {
			src = &slog.Source{}
		}
		s.appendAttr(slog.Any(slog.SourceKey, src))
	}
	s.appendAttr(slog.String(slog.MessageKey, r.Message))
	s.builtin = false
}

// appendTimeMember appends the record's time.
func (s *state) appendTimeMember(t time.Time) {
	var ok bool
	if s.buf, ok = s.stamp.append(s.buf, t); !ok {
		s.appendKey(slog.TimeKey)
		s.buf = appendQuoted(s.buf, errYear)
	}
}

// appendLevelMember appends the record's level. The names of levels hold nothing
// that needs an escape.
func (s *state) appendLevelMember(level slog.Level) {
	s.comma()
	switch level {
	case slog.LevelInfo:
		s.buf = append(s.buf, `"level":"INFO"`...)
	case slog.LevelDebug:
		s.buf = append(s.buf, `"level":"DEBUG"`...)
	default:
		s.buf = append(s.buf, `"level":"`...)
		s.buf = append(s.buf, level.String()...)
		s.buf = append(s.buf, '"')
	}
}

// comma separates the next member from the one before. Nothing but an object that
// has just been opened ends in a brace that opens.
func (s *state) comma() {
	if s.buf[len(s.buf)-1] != '{' {
		s.buf = append(s.buf, ',')
	}
}
