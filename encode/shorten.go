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

// maxCut is how many levels below the record objects are cut; deeper ones are kept or
// left out. It takes a pass over the object for each level.
const maxCut = 8

// shorten rewrites the record, which is whole and masked, so that it ends in the
// marks of a cut one and is no longer than the limit. original is what they say
// its size was, unless it has such marks already, which say more.
func (s *state) shorten(original int64) {
	rec := s.buf[s.base:]
	members, before := withoutMarks(rec, membersOf(rec))
	var array [64]byte
	marks := append(array[:0], `"truncated":true,"original_size":`...)
	marks = strconv.AppendInt(marks, max(original, before), 10)
	room := s.e.max - len(marks) - len("{}")
	reserve(rec, members, room)
	w := fit(rec, members, room, maxCut)
	rec = append(append(rec[:w], marks...), '}')
	s.buf = append(s.buf[:s.base], rec...)
}

// fit rewrites the object rec, whose members are given, from left to right and in
// place, so that they and a comma behind each take no more than room. It returns the
// index behind the last comma. Objects are cut down to levels below.
//
// A member that fits is kept, where fitting leaves alone what is reserved for the time,
// level and message behind it. One that does not fit is cut, to all that its successors do
// not need or to half of the room, whichever is more.
func fit(rec []byte, members []member, room, levels int) (w int) {
	later, reserved := 0, 0
	for _, m := range members {
		later += m.size()
		reserved += m.reserve
	}
	w = 1
	for _, m := range members {
		later -= m.size()
		reserved -= m.reserve
		free := room - (w - 1) - reserved
		if m.size() > free {
			own := max(free/2, free-(later-reserved), m.reserve)
			if !m.cut(rec, min(own, free), levels) {
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
	return w
}

// cut makes m in rec no longer than size bytes, and reports whether what is left of it
// is worth keeping. It changes nothing of rec but m's value.
func (m *member) cut(rec []byte, size, levels int) bool {
	over := m.size() - size
	switch rec[m.value] {
	case '"':
		return m.behead(rec, m.end-1-over)
	case '[':
		return m.curtail(rec, m.end-1-over)
	case '{':
		return levels > 0 && m.thin(rec, m.end-m.value-over, levels-1)
	}
	return false
}

// behead cuts a string, before its closing quotation mark at limit.
func (m *member) behead(rec []byte, limit int) bool {
	content := m.value + 1
	end := headEnd(rec, content, limit)
	if m.reserve == 0 && end-content < minHead {
		return false
	}
	rec[end] = '"'
	m.end = end + 1
	return true
}

// curtail cuts an array, behind an element and before its closing bracket at limit.
func (m *member) curtail(rec []byte, limit int) bool {
	first := m.value + 1
	end := first
	for i := skipBlank(rec, first); rec[i] != ']'; {
		e := valueEnd(rec, i)
		if e > limit {
			break
		}
		end = e
		if i = skipBlank(rec, e); rec[i] == ',' {
			i = skipBlank(rec, i+1)
		}
	}
	if end == first {
		return false
	}
	rec[end] = ']'
	m.end = end + 1
	return true
}

// thin cuts an object to size bytes: its own members are cut or left out.
func (m *member) thin(rec []byte, size, levels int) bool {
	object := rec[m.value:m.end]
	w := fit(object, membersOf(object), size-len("{}")+len(","), levels)
	if w == 1 {
		return false
	}
	object[w-1] = '}' // in place of the last comma
	m.end = m.value + w
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

// membersOf lists the members of the object rec.
func membersOf(rec []byte) []member {
	var members []member
	for i := skipBlank(rec, 1); rec[i] == '"'; {
		m := member{start: i}
		m.keyEnd, _, _ = stringEnd(rec, i+1)
		m.value = skipBlank(rec, skipBlank(rec, m.keyEnd)+1)
		m.end = valueEnd(rec, m.value)
		i = skipBlank(rec, m.end)
		if rec[i] == ',' {
			i = skipBlank(rec, i+1)
		}
		members = append(members, m)
	}
	return members
}

// withoutMarks returns members without those that shorten is to write, and what they
// say if rec was cut before.
func withoutMarks(rec []byte, members []member) (rest []member, original int64) {
	cut, rest := false, members[:0]
	for _, m := range members {
		value := view(rec[m.value:m.end])
		switch string(rec[m.start+1 : m.keyEnd-1]) {
		case "truncated":
			cut = cut || value == "true"
		case "original_size":
			n, err := strconv.ParseInt(value, 10, 64)
			if err == nil {
				original = n
			}
		default:
			rest = append(rest, m)
		}
	}
	if !cut {
		return rest, 0
	}
	return rest, original
}

// reserve reserves part of room for the first member of each role; a log without a level has none.
func reserve(rec []byte, members []member, room int) {
	var seen [messageRole + 1]bool
	for i := range members {
		m := &members[i]
		role, rank := roleOf(view(rec[m.start+1 : m.keyEnd-1]))
		if role == noRole || seen[role] || rank == nestedRank && nestedLevel(Raw(rec[m.value:m.end])) == nil {
			continue
		}
		seen[role] = true
		m.reserve = m.reservation(rec, room)
	}
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
