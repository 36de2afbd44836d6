package encode

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// span is a part of a text.
type span struct{ from, to int }

// suspect reports whether text can hold something that spans finds. It is quick
// for text without an @.
func (r *rules) suspect(text string) bool {
	if r == nil {
		return false
	}
	return r.hasPatterns() || strings.IndexByte(text, '@') >= 0 && strings.Contains(text, "://")
}

func (r *rules) hasPatterns() bool { return r != nil && len(r.patterns) > 0 }

// spans returns, in order and without overlap, the parts of text that are masked,
// in dst's memory. In a key only passwords of URLs are; isHead says that text goes
// on elsewhere.
func (r *rules) spans(dst []span, text string, isKey, isHead bool) []span {
	dst = passwords(dst[:0], text, slashes, isHead)
	if isKey {
		return dst
	}
	for _, re := range r.patterns {
		if !re.MatchString(text) {
			continue
		}
		for _, m := range re.FindAllStringIndex(text, -1) {
			if m[0] < m[1] {
				dst = insert(dst, span{m[0], m[1]})
			}
		}
	}
	return dst
}

// insert adds s to the ordered spans, united with those it overlaps.
func insert(spans []span, s span) []span {
	first := len(spans)
	for first > 0 && spans[first-1].to > s.from {
		first--
	}
	last := first
	for last < len(spans) && spans[last].from < s.to {
		s.from = min(s.from, spans[last].from)
		s.to = max(s.to, spans[last].to)
		last++
	}
	if first == last {
		spans = append(spans, span{})
		copy(spans[first+1:], spans[first:])
		spans[first] = s
		return spans
	}
	spans[first] = s
	return append(spans[:first+1], spans[last:]...)
}

// slashes stand before the authority of a URL, with the colon of its scheme.
const slashes = "://"

// passwords appends where in text the passwords in the user information of URLs stand,
// whose authority is behind slashes.
func passwords(dst []span, text, slashes string, isHead bool) []span {
	for i := 0; ; {
		n := strings.Index(text[i:], slashes)
		if n < 0 {
			return dst
		}
		i += n + len(slashes)
		if p, ok := password(text, i, slashes, isHead); ok {
			dst = append(dst, p)
			i = p.to
		}
	}
}

// password returns where the password stands in the URL whose authority begins at
// text[i].
func password(text string, i int, slashes string, isHead bool) (p span, ok bool) {
	colon, at, end := -1, -1, i
	isPort := true // nothing but digits since the colon
	for ; end < len(text) && !endsAuthority(text[end]); end++ {
		switch c := text[end]; {
		case c == ':' && colon < 0:
			colon = end
		case c == '@':
			at = end
		case colon >= 0 && (c < '0' || '9' < c):
			isPort = false
		}
	}
	switch {
	case colon < 0 || text[i] == '[': // an IPv6 address has colons and no user before it
		return span{}, false
	case at > colon:
		return span{colon + 1, at}, true
	case at >= 0: // user@host:port
		return span{colon + 1, end}, isHead && end == len(text)
	}
	// No @ yet: a port, or a password with / ? or # in it. Another URL is not part
	// of it, and looking for its @ twice would take quadratic time.
	for ; !isPort && end < len(text) && !endsURL(text[end]) && !strings.HasPrefix(text[end:], slashes); end++ {
		if text[end] == '@' {
			return span{colon + 1, end}, true
		}
	}
	return span{colon + 1, end}, isHead && end == len(text)
}

func endsAuthority(c byte) bool { return c == '/' || c == '?' || c == '#' || endsURL(c) }

func endsURL(c byte) bool { return c <= ' ' || c == '"' || c == '<' || c == '>' || c == 0x7f }

// appendMasked appends text as the content of a JSON string with stars in place of
// the spans.
func appendMasked(dst []byte, text string, spans []span) []byte {
	done := 0
	for _, p := range spans {
		dst = appendEscaped(dst, text[done:p.from])
		dst = append(dst, stars...)
		done = p.to
	}
	return appendEscaped(dst, text[done:])
}

// appendMaskedRaw appends raw, the content of a JSON string, with stars in place of
// the spans; offsets, if any, says where in raw the index of a span is.
func appendMaskedRaw(dst, raw []byte, spans []span, offsets []int) []byte {
	done := 0
	for _, p := range spans {
		if offsets != nil {
			p = span{offsets[p.from], offsets[p.to]}
		}
		dst = append(dst, raw[done:p.from]...)
		dst = append(dst, stars...)
		done = p.to
	}
	return append(dst, raw[done:]...)
}

// unescape appends to text what raw, the valid content of a JSON string, means, and
// to offsets for each byte of it, and for its end, where in raw it comes from.
func unescape(text []byte, offsets []int, raw []byte) ([]byte, []int) {
	for i := 0; i < len(raw); {
		at := i
		if raw[i] != '\\' {
			text = append(text, raw[i])
			offsets = append(offsets, at)
			i++
			continue
		}
		var c rune
		c, i = unescapeRune(raw, i)
		text = utf8.AppendRune(text, c)
		for len(offsets) < len(text) {
			offsets = append(offsets, at)
		}
	}
	return text, append(offsets, len(raw))
}

// unescapeRune returns the character the escape at raw[i] means and the index
// behind it. Half a surrogate pair is U+FFFD.
func unescapeRune(raw []byte, i int) (rune, int) {
	switch c := raw[i+1]; c {
	case 'u':
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	default:
		return rune(c), i + 2
	}
	c := unit(raw[i+2:])
	i += 6
	if !utf16.IsSurrogate(c) {
		return c, i
	}
	if i+6 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
		if pair := utf16.DecodeRune(c, unit(raw[i+2:])); pair != utf8.RuneError {
			return pair, i + 6
		}
	}
	return utf8.RuneError, i
}

// unit returns the number that four hexadecimal digits are.
func unit(digits []byte) (c rune) {
	for _, d := range digits[:4] {
		v, _ := hexValue(d)
		c = c<<4 | v
	}
	return c
}
