package syslog

import (
	"strings"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// field is a member of a record that becomes a parameter.
type field struct {
	path string // as lookup takes it
	open string // what stands before the value: a space, the name, ="
}

// minValue is the room that a value has to have, whatever it needs.
const minValue = 16

// ellipsis marks a value that is cut.
var ellipsis = []byte("...")

// appendData appends the STRUCTURED-DATA (RFC 5424, section 6.3), at most limit bytes or
// the nil value.
func (f *form) appendData(dst []byte, r *sink.Record, limit int) []byte {
	start := len(dst)
	end := start + limit - len("]")
	var text []byte
	dst = append(dst, f.open...)
	none := len(dst)
	for _, field := range f.fields {
		value := lookup(r.JSON, field.path)
		if k := value.Kind(); k == encode.KindInvalid || k == encode.KindNull {
			continue
		}
		room := end - len(dst) - len(field.open) - len(`"`)
		if room < minValue {
			break
		}
		text = appendValue(text[:0], value)
		dst = append(dst, field.open...)
		dst = appendLimited(dst, text, room, ellipsis, appendParam)
		dst = append(dst, '"')
	}
	if len(dst) == none {
		return append(dst[:start], nilValue...)
	}
	return append(dst, ']')
}

// lookup returns the member of obj with this name, or that which it leads to as a path
// through groups, whichever comes first; nil: there is none.
func lookup(obj []byte, path string) encode.Raw {
	for key, value := range encode.Fields(obj) {
		if key.Is(path) {
			return value
		}
		if value.Kind() != encode.KindObject {
			continue
		}
		if found := within(key, value, path); found != nil {
			return found
		}
	}
	return nil
}

// within looks in a group for what path says behind the group's name, which may have
// dots too.
func within(group encode.Key, members encode.Raw, path string) encode.Raw {
	for i := range len(path) {
		if path[i] != '.' || !group.Is(path[:i]) {
			continue
		}
		return lookup(members, path[i+1:])
	}
	return nil
}

// appendValue appends a value as text: of a string what it says.
func appendValue(dst []byte, value encode.Raw) []byte {
	if value.Kind() == encode.KindString {
		return encode.Unquote(dst, value)
	}
	return append(dst, strings.ToValidUTF8(string(value), "\uFFFD")...)
}
