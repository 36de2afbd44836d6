package encode

import (
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// Key is the name of a member as it stands in the JSON: without its quotes, its
// escapes not resolved. [Unquote] resolves them.
type Key []byte

// Is reports whether the key means name.
func (k Key) Is(name string) bool {
	if string(k) == name {
		return true
	}
	s := []byte(k)
	if len(s) > 0 && s[0] < utf8.RuneSelf && s[0] != '\\' && (name == "" || s[0] != name[0]) {
		return false // most keys that are something else
	}
	for _, want := range name {
		if len(s) == 0 {
			return false
		}
		r, n := fieldsRune(s)
		if r != want {
			return false
		}
		s = s[n:]
	}
	return len(s) == 0
}

// Raw is a JSON value as it stands, without white space around it.
type Raw []byte

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds. KindInvalid, the zero Kind, is that of text that begins no value.
const (
	KindInvalid Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// Kind tells the kind of the value by its first byte.
func (r Raw) Kind() Kind {
	if len(r) == 0 {
		return KindInvalid
	}
	switch c := r[0]; c {
	case '"':
		return KindString
	case '{':
		return KindObject
	case '[':
		return KindArray
	case 't', 'f':
		return KindBool
	case 'n':
		return KindNull
	default:
		if c == '-' || '0' <= c && c <= '9' {
			return KindNumber
		}
		return KindInvalid
	}
}

// Fields goes through the members of a JSON object in the order in which they
// stand, duplicates included. Keys and values are parts of obj: nothing is
// copied, nothing allocated, and they are valid as long as obj is. A value that
// is an object can be given to Fields again.
//
// obj is to be one valid JSON object with white space around it or none, such as
// the JSON of a record. Fields does not validate: it ends at the first place where
// it cannot tell what a member is, and never panics, but it may go through members
// of text that [encoding/json.Valid] refuses.
func Fields(obj []byte) iter.Seq2[Key, Raw] {
	return func(yield func(Key, Raw) bool) { eachField(obj, yield) }
}

func eachField(obj []byte, yield func(Key, Raw) bool) {
	i := fieldsSpace(obj, 0)
	if i == len(obj) || obj[i] != '{' {
		return
	}
	i = fieldsSpace(obj, i+1)
	for i < len(obj) && obj[i] == '"' {
		end := fieldsStringEnd(obj, i)
		if end < 0 {
			return
		}
		key := obj[i+1 : end-1 : end-1]
		i = fieldsSpace(obj, end)
		if i == len(obj) || obj[i] != ':' {
			return
		}
		i = fieldsSpace(obj, i+1)
		end = fieldsValueEnd(obj, i)
		if end < 0 || !yield(key, obj[i:end:end]) {
			return
		}
		i = fieldsSpace(obj, end)
		if i == len(obj) || obj[i] != ',' {
			return
		}
		i = fieldsSpace(obj, i+1)
	}
}

// Elements goes through the values of a JSON array as [Fields] does through the
// members of an object.
func Elements(arr []byte) iter.Seq[Raw] {
	return func(yield func(Raw) bool) { eachElement(arr, yield) }
}

func eachElement(arr []byte, yield func(Raw) bool) {
	i := fieldsSpace(arr, 0)
	if i == len(arr) || arr[i] != '[' {
		return
	}
	i = fieldsSpace(arr, i+1)
	for i < len(arr) {
		end := fieldsValueEnd(arr, i)
		if end < 0 || !yield(arr[i:end:end]) {
			return
		}
		i = fieldsSpace(arr, end)
		if i == len(arr) || arr[i] != ',' {
			return
		}
		i = fieldsSpace(arr, i+1)
	}
}

// fieldsSpace returns the index of the first byte from i on that is not white
// space.
func fieldsSpace(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// fieldsStringEnd returns the index after the string that begins at i, or -1.
func fieldsStringEnd(s []byte, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// fieldsValueEnd returns the index after the value that begins at i, or -1.
// Brackets are counted, not matched.
func fieldsValueEnd(s []byte, i int) int {
	switch Raw(s[i:]).Kind() {
	case KindInvalid:
		return -1
	case KindString:
		return fieldsStringEnd(s, i)
	case KindArray, KindObject:
		return fieldsNestedEnd(s, i)
	}
	for i < len(s) {
		switch s[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return -1 // the } or ] around it is missing
}

func fieldsNestedEnd(s []byte, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			end := fieldsStringEnd(s, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// Unquote appends the text of a JSON string to dst, as valid UTF-8. raw is the
// string with its quotes or without: a [Raw] or a [Key]. Like encoding/json it
// turns each byte that is not UTF-8 and each lone surrogate into U+FFFD; so it does
// with an escape that JSON does not have.
func Unquote(dst, raw []byte) []byte {
	s := fieldsInner(raw)
	for len(s) > 0 {
		if n := fieldsPlain(s); n > 0 {
			dst = append(dst, s[:n]...)
			s = s[n:]
			continue
		}
		r, n := fieldsRune(s)
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst
}

// fieldsInner cuts the quotes off. A key cannot begin with one.
func fieldsInner(raw []byte) []byte {
	if len(raw) > 0 && raw[0] == '"' {
		raw = raw[1:]
		if len(raw) > 0 && raw[len(raw)-1] == '"' {
			raw = raw[:len(raw)-1]
		}
	}
	return raw
}

// fieldsPlain returns the length of the ASCII without escapes at the start of s.
func fieldsPlain(s []byte) int {
	for i, c := range s {
		if c >= utf8.RuneSelf || c == '\\' {
			return i
		}
	}
	return len(s)
}

// fieldsRune returns the first rune of the inside of a JSON string and the number
// of bytes it takes there. s is not empty. What is not valid is U+FFFD.
func fieldsRune(s []byte) (rune, int) {
	if s[0] != '\\' {
		return utf8.DecodeRune(s)
	}
	if len(s) == 1 {
		return utf8.RuneError, 1
	}
	switch c := s[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return fieldsUnicode(s)
	}
	_, n := utf8.DecodeRune(s[1:])
	return utf8.RuneError, 1 + n
}

// fieldsUnicode does so for \uXXXX, and for two of them that are a surrogate pair.
func fieldsUnicode(s []byte) (rune, int) {
	r := fieldsHex(s[2:])
	switch {
	case r < 0:
		return utf8.RuneError, 2
	case !utf16.IsSurrogate(r):
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if pair := utf16.DecodeRune(r, fieldsHex(s[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// fieldsHex returns the value of four hexadecimal digits, or -1.
func fieldsHex(s []byte) rune {
	if len(s) < 4 {
		return -1
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
