package encode

import (
	"strconv"
	"unicode/utf8"
)

// member is where a member of the record stands in the buffer.
type member struct {
	start, keyEnd, value, end int
	reserve                   int // bytes that are kept for it
}

// size is what the member takes, its colon and a comma included, white space
// around the colon not.
func (m member) size() int { return m.keyEnd - m.start + len(":,") + m.end - m.value }

// minHead is the shortest head of a string that is worth a member.
const minHead = 16

// shorten rewrites the record, which is whole and masked, so that it ends in the
// marks of a cut one and is no longer than the limit. original is what they say
// its size was.
//
// It works from left to right, in place. A member that fits is kept, where fitting
// leaves alone what is reserved for the time, level and message behind it. A string
// that does not fit is cut, to all that its successors do not need or to half of
// the room, whichever is more.
func (s *state) shorten(original int64) {
	var array [64]byte
	marks := append(array[:0], `"truncated":true,"original_size":`...)
	marks = strconv.AppendInt(marks, original, 10)
	rec := s.buf[s.base:]
	room := s.e.max - len(marks) - len("{}")
	members := membersOf(rec, room)
	later, reserved := 0, 0
	for _, m := range members {
		later += m.size()
		reserved += m.reserve
	}
	w := 1
	for _, m := range members {
		later -= m.size()
		reserved -= m.reserve
		free := room - (w - 1) - reserved
		if m.size() > free {
			own := max(free/2, free-(later-reserved), m.reserve)
			if !m.behead(rec, min(own, free)) {
				continue
			}
		}
		w += copy(rec[w:], rec[m.start:m.keyEnd])
		rec[w] = ':'
		w++
		w += copy(rec[w:], rec[m.value:m.end])
		rec[w] = ','
		w++
	}
	rec = append(append(rec[:w], marks...), '}')
	s.buf = append(s.buf[:s.base], rec...)
}

// behead cuts m in rec to size bytes, and reports whether what is left of it is
// worth keeping.
func (m *member) behead(rec []byte, size int) bool {
	if rec[m.value] != '"' {
		return false
	}
	content := m.value + 1
	end := headEnd(rec, content, m.end-1-(m.size()-size))
	if m.reserve == 0 && end-content < minHead {
		return false
	}
	rec[end] = '"'
	m.end = end + 1
	return true
}

// headEnd returns the last index up to limit at which the content of the string
// that begins at rec[i] can be cut: not within an escape, a pair of escapes or a
// character.
func headEnd(rec []byte, i, limit int) int {
	for i < limit {
		n := 1
		switch c := rec[i]; {
		case c == '\\' && rec[i+1] == 'u':
			_, next := unescapeRune(rec, i)
			n = next - i
		case c == '\\':
			n = 2
		case c >= utf8.RuneSelf:
			_, n = utf8.DecodeRune(rec[i:])
		}
		if i+n > limit {
			break
		}
		i += n
	}
	return i
}

// membersOf lists the members of the object rec, without those that shorten is to
// write, and reserves part of room for the first of each role.
func membersOf(rec []byte, room int) []member {
	var members []member
	var seen [messageRole + 1]bool
	for i := skipBlank(rec, 1); rec[i] == '"'; {
		m := member{start: i}
		m.keyEnd, _, _ = stringEnd(rec, i+1)
		m.value = skipBlank(rec, skipBlank(rec, m.keyEnd)+1)
		m.end = valueEnd(rec, m.value)
		i = skipBlank(rec, m.end)
		if rec[i] == ',' {
			i = skipBlank(rec, i+1)
		}
		key := rec[m.start+1 : m.keyEnd-1]
		if k := string(key); k == "truncated" || k == "original_size" {
			continue
		}
		if role, _ := roleOf(view(key)); role != noRole && !seen[role] {
			seen[role] = true
			m.reserve = m.reservation(rec, room)
		}
		members = append(members, m)
	}
	return members
}

// reservation is at most a quarter of room, so that three of them fit; a value that
// cannot be cut has it whole or not at all.
func (m member) reservation(rec []byte, room int) int {
	switch {
	case m.size() <= room/4:
		return m.size()
	case rec[m.value] == '"':
		return room / 4
	}
	return 0
}

// valueEnd returns the index behind the value at rec[i], which is known to be
// valid.
func valueEnd(rec []byte, i int) int {
	depth := 0
	for {
		switch c := rec[i]; {
		case c == '"':
			i, _, _ = stringEnd(rec, i+1)
		case c == '{' || c == '[':
			depth++
			i++
			continue
		case c == '}' || c == ']':
			depth--
			i++
		case isBlank(c) || c == ',' || c == ':':
			i++
			continue
		default:
			i, _ = scalarEnd(rec, i)
		}
		if depth == 0 {
			return i
		}
	}
}
