package encode

import (
	"bytes"
	"strings"
)

// Lines that are no JSON object may have been one, or have one in them: a value that JSON
// does not have (NaN), a prefix, a byte order mark, two objects or an array, an object on
// several lines, one that somebody split or did not finish. So what looks like a member
// of an object is masked wherever it stands: a sensitive key in quotation marks, a colon,
// and whatever value is behind it. Nothing else of JSON is asked for, in particular
// not that quotation marks come in pairs: a line may begin within a string.

// suspectLine reports whether line, which is no object, can hold something that is masked.
// hasKey says that there is a colon behind a quotation mark in it, blanks aside.
func (r *rules) suspectLine(line []byte, hasKey bool) bool {
	if r == nil {
		return false
	}
	if text := view(line); r.hasPatterns() || strings.IndexByte(text, '@') >= 0 && (strings.Contains(text, slashes) || strings.Contains(text, escapedSlashes)) {
		return true
	}
	if !hasKey {
		return false
	}
	from, _ := r.looseMember(line, 0)
	return from >= 0
}

// maskMembers appends line to dst with a mask in place of the values of what looks like
// members with sensitive keys, the first of which is line[from:to].
func (r *rules) maskMembers(dst, line []byte, from, to int) []byte {
	done := 0
	for from >= 0 {
		dst = append(append(dst, line[done:from]...), mask...)
		done = to
		from, to = r.looseMember(line, done)
	}
	return append(dst, line[done:]...)
}

// looseMember returns where, from line[i] on, the first value stands that has a sensitive
// key; from is negative if there is none.
func (r *rules) looseMember(line []byte, i int) (from, to int) {
	for key := i; ; key = i {
		n := bytes.IndexByte(line[i:], '"')
		if n < 0 {
			return -1, -1
		}
		i += n + 1
		if i == len(line) || line[i] != ':' && !isBlank(line[i]) {
			continue // most quotation marks in a text
		}
		colon := skipBlank(line, i)
		if colon == len(line) || line[colon] != ':' || !r.matchRawKey(line[key:i-1]) {
			continue
		}
		from = skipBlank(line, colon+1)
		if to = looseEnd(line, from); to > from {
			return from, to
		}
	}
}

// matchRawKey is matchKey for a key as it stands in JSON, be it valid or not.
func (r *rules) matchRawKey(key []byte) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return r.matchKey(view(key))
	}
	var array [128]byte
	return r.matchKey(view(Unquote(array[:0], key)))
}

// looseEnd returns the index behind what stands for a value at line[i]: a string, object
// or array, to the end of line if it has none of its own, or else all up to a blank, comma,
// bracket or quotation mark.
func looseEnd(line []byte, i int) int {
	end := -1
	switch at(view(line), i) {
	case '"':
		end = fieldsStringEnd(line, i)
	case '{', '[':
		end = fieldsNestedEnd(line, i)
	default:
		end = bytes.IndexFunc(line[i:], endsWord)
		if end >= 0 {
			end += i
		}
	}
	if end < 0 {
		return len(line)
	}
	return end
}

func endsWord(c rune) bool { return c <= ' ' || strings.ContainsRune(`,]}"`, c) }

// escapedSlashes stands before the authority of a URL where slashes are written as
// escapes. Some encoders do so.
const escapedSlashes = `:\/\/`

// maskLine returns line, which is no object, less what spans does not find in it: it is a
// part of line or of s.
func (s *state) maskLine(line []byte, isHead bool) []byte {
	r := s.rules()
	if from, to := r.looseMember(line, 0); from >= 0 {
		s.head = r.maskMembers(s.head[:0], line, from, to)
		line = s.head
	}
	if strings.Contains(view(line), escapedSlashes) {
		s.spans = passwords(s.spans[:0], view(line), escapedSlashes, isHead)
		s.text = appendMaskedRaw(s.text[:0], line, s.spans, nil)
		line = s.text
	}
	return line
}
