package encode

import "strings"

// cleanDepth is how deep values may be nested in an object that clean recognises.
const cleanDepth = 64

// clean reads a JSON object in one pass and reports whether it is valid, with
// nothing behind it and nothing in it that r masks; then h, unless it is nil, has its
// time and level. object begins with a brace. It is quick and errs on the side of no:
// what takes a closer look is for copier to decide.
func (r *rules) clean(object []byte, h *heading) bool {
	switch {
	case r == nil:
		r = &noRules
	case len(r.patterns) > 0:
		return false
	}
	c := cleaner{rules: r, object: object, src: view(object), plain: isPlainText(object), heading: h}
	return c.members(0) == len(object)
}

// cleaner is one call of clean. Its methods return the index behind what begins at
// src[i], or -1 if that is not clean.
type cleaner struct {
	rules   *rules
	object  []byte
	src     string // the same; a part of a string takes fewer instructions than one of a slice
	plain   bool   // see isPlainText
	depth   int
	heading *heading
}

// members reads an object from its brace on.
func (c *cleaner) members(i int) int {
	src := c.src
	c.depth++
	i, b := token(src, i+1)
	if b == '}' {
		c.depth--
		return i + 1
	}
	for c.depth <= cleanDepth {
		if b != '"' {
			return -1
		}
		start := i + 1
		if i = c.key(start); i < 0 {
			return -1
		}
		name := src[start:i]
		if c.rules.mayMatch(name) && c.rules.matchKey(name) {
			return -1
		}
		if i, b = i+1, at(src, i+1); b <= ' ' {
			i, b = token(src, i)
		}
		if b != ':' {
			return -1
		}
		if i, b = i+1, at(src, i+1); b <= ' ' {
			i, b = token(src, i)
		}
		start = i
		if i = c.value(i, b); i < 0 {
			return -1
		}
		if c.depth == 1 && c.heading != nil {
			if role, rank := roleOf(name); role != noRole {
				c.heading.take(role, rank, Raw(c.object[start:i:i]))
			}
		}
		if b = at(src, i); b <= ' ' {
			i, b = token(src, i)
		}
		if b != ',' {
			break
		}
		if i, b = i+1, at(src, i+1); b <= ' ' {
			i, b = token(src, i)
		}
	}
	if b != '}' {
		return -1
	}
	c.depth--
	return i + 1
}

// key returns the index of the quotation mark that ends the key whose content begins at
// src[i].
func (c *cleaner) key(i int) int {
	if c.plain {
		if i = quoteFrom(c.src, i); i == len(c.src) {
			return -1
		}
		return i
	}
	end := c.text(i) - 1
	if end < 0 || strings.IndexByte(c.src[i:end], '\\') >= 0 {
		return -1
	}
	return end
}

// value reads a value whose first byte is b.
func (c *cleaner) value(i int, b byte) int {
	switch {
	case b == '"' && c.plain:
		if n := strings.IndexByte(c.src[i+1:], '"'); n >= 0 {
			return i + n + len(`""`)
		}
		return -1
	case b == '"':
		return c.text(i + 1)
	case b == '{':
		return c.members(i)
	case b == '[':
		return c.elements(i)
	case i == len(c.src):
		return -1
	}
	end, st := scalarEnd(c.object, i)
	if st != scanned {
		return -1
	}
	return end
}

// elements reads an array from its bracket on.
func (c *cleaner) elements(i int) int {
	c.depth++
	i, b := token(c.src, i+1)
	if b == ']' {
		c.depth--
		return i + 1
	}
	for c.depth <= cleanDepth {
		if i = c.value(i, b); i < 0 {
			return -1
		}
		if i, b = token(c.src, i); b != ',' {
			break
		}
		i, b = token(c.src, i+1)
	}
	if b != ']' {
		return -1
	}
	c.depth--
	return i + 1
}

var noRules rules

// mayMatch reports whether it takes matchKey to know that key is not masked.
func (r *rules) mayMatch(key string) bool {
	n := len(key)
	if n == 0 {
		return false
	}
	words := r.last[key[n-1]]
	switch {
	case words == 0 || words == anyWord:
		return words != 0
	case n == 1:
		return words&r.before[0] != 0 // set for words of one character alone
	}
	return words&r.before[key[n-2]] != 0
}

// at returns the byte at src[i]. Behind the end it is 0, which no JSON has.
func at(src string, i int) byte {
	if uint(i) < uint(len(src)) {
		return src[i]
	}
	return 0
}

// token returns where the next token is, from src[i] on, and its first byte; that is
// 0 at the end.
func token(src string, i int) (int, byte) {
	for i < len(src) && isBlank(src[i]) {
		i++
	}
	return i, at(src, i)
}

// text reads a string from behind its first quotation mark on.
func (c *cleaner) text(start int) int {
	hasAt, escaped := false, false
	for i := cleanEnd(c.src, start); ; i = cleanEnd(c.src, i) {
		switch at(c.src, i) {
		case '"':
			if hasAt && (escaped || strings.Contains(c.src[start:i], "://")) {
				return -1
			}
			return i + 1
		case '@':
			hasAt = true
			i++
		case '\\':
			escaped = true
			n, st := escapeSize(c.object[i:])
			if st != scanned || n > 2 && c.src[i+2:i+6] == "0040" { // an @
				return -1
			}
			i += n
		default:
			return -1
		}
	}
}
