package encode

import "strings"

// cleanDepth is how deep values may be nested in an object that clean recognises.
const cleanDepth = 64

// clean reads a JSON object in one pass and reports whether it is valid, with
// nothing behind it and nothing in it that r masks; then h, unless it is nil, has its
// time and level. object begins with a brace. It is quick and errs on the side of no:
// what takes a closer look is for copier to decide.
func (r *rules) clean(object []byte, h *heading) bool {
	var keys *keyMemory
	if h != nil {
		if h.odd {
			return false
		}
		keys = h.keys
	}
	if keys == nil {
		keys = new(keyMemory)
	}
	return r.cleanEnd(object, h, keys) == len(object)
}

// cleanEnd is clean for an object with anything behind it, and returns the index of
// that, or -1. It does not look beyond a newline: text may be
// many lines.
func (r *rules) cleanEnd(text []byte, h *heading, keys *keyMemory) int {
	switch {
	case r == nil:
		r = &noRules
	case len(r.patterns) > 0:
		return -1
	}
	c := cleaner{rules: r, object: text, src: view(text), heading: h, keys: keys}
	return c.members(0)
}

// cleaner is one call of cleanEnd. Its methods return the index behind what begins at
// src[i], or -1 if that is not clean.
type cleaner struct {
	rules   *rules
	object  []byte
	src     string // the same; a part of a string takes fewer instructions than one of a slice
	depth   int
	heading *heading
	keys    *keyMemory
	read    uint // how many keys were read
}

// members reads an object from its brace on.
func (c *cleaner) members(i int) int {
	src := c.src
	if c.depth++; c.depth > cleanDepth {
		return -1
	}
	if end, b := token(src, i+1); b == '}' {
		c.depth--
		return end + 1
	}
	for { // src[i] is the brace or comma before a member
		k := &c.keys[c.read%uint(len(c.keys))][0]
		start := k.end(src, i+1)
		if start < 0 {
			if start = c.otherKey(i + 1); start < 0 {
				return -1
			}
		}
		c.read++
		b := at(src, start)
		if b <= ' ' {
			start, b = token(src, start)
		}
		if b != '"' {
			i = c.value(start, b)
		} else if i = plainEnd(src, start+1); at(src, i) == '"' { // as most strings
			i++
		} else {
			i = c.oddText(start+1, i)
		}
		if i < 0 {
			return -1
		}
		// Behind an object or a list k may be another key. Neither is a time or a level.
		if k.role != noRole && c.depth == 1 && c.heading != nil {
			c.heading.takeOwn(int(k.role), int(k.rank), Raw(c.object[start:i:i]))
		}
		if b = at(src, i); b <= ' ' {
			i, b = token(src, i)
		}
		if b == '}' {
			c.depth--
			return i + 1
		}
		if b != ',' {
			return -1
		}
	}
}

// otherKey reads a key that is not the first of those that are known to stand here, up
// to its value, and makes it the first.
func (c *cleaner) otherKey(i int) int {
	known := &c.keys[c.read%uint(len(c.keys))]
	known[0], known[1] = known[1], known[0]
	if end := known[0].end(c.src, i); end >= 0 {
		return end
	}
	return c.key(i, &known[0])
}

// key reads a key, its colon and the blanks around them up to the value, and remembers
// it as k.
func (c *cleaner) key(from int, k *lineKey) int {
	src := c.src
	i, b := token(src, from)
	if b != '"' {
		return -1
	}
	end := c.text(i + 1)
	if end < 0 {
		return -1
	}
	name := src[i+1 : end-1]
	if strings.IndexByte(name, '\\') >= 0 || c.rules.mayMatch(name) && c.rules.matchKey(name) {
		return -1
	}
	if i, b = token(src, end); b != ':' {
		return -1
	}
	i, _ = token(src, i+1)
	role, rank := roleOf(name)
	if role == levelRole && rank == nestedRank {
		if c.depth == 1 && at(src, i) == '{' {
			return -1
		}
		*k = lineKey{} // the next one may be an object
		return i
	}
	k.set(src[from:i], role, rank)
	return i
}

// value reads a value whose first byte is b.
func (c *cleaner) value(i int, b byte) int {
	switch {
	case '1' <= b && b <= '9':
		end := digitsEnd(c.src, i)
		if b := at(c.src, end); b != '.' && b != 'e' && b != 'E' {
			return end
		}
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
// 0 at the end. CR and LF are no blanks here: they are not to stay between tokens.
func token(src string, i int) (int, byte) {
	for i < len(src) && (src[i] == ' ' || src[i] == '\t') {
		i++
	}
	return i, at(src, i)
}

// text reads a string from behind its first quotation mark on.
func (c *cleaner) text(start int) int {
	i := plainEnd(c.src, start)
	if at(c.src, i) == '"' {
		return i + 1
	}
	return c.oddText(start, i)
}

// oddText is text from src[i] on.
func (c *cleaner) oddText(start, i int) int {
	hasAt, escaped := false, false
	for i = plainEnd(c.src, i); ; i = plainEnd(c.src, i) {
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
