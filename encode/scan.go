package encode

// status says how reading a piece of JSON ended.
type status int

const (
	scanned   status = iota // well
	truncated               // the text ended before the value did
	invalid
	tooDeep
)

// What appendJSON expects next.
const (
	aValue      = iota
	aValueOrEnd // after [
	aKey
	aKeyOrEnd // after {
	aDelimiter
)

// appendJSON appends the JSON value at the start of src, white space before it
// left out and masks applied, and returns the index behind it. It accepts what
// RFC 8259 does, nested at most limit deep. record says that the value is a whole
// record, whose own members are never masked for their keys.
//
// If the value is not whole and valid, what has been appended is its beginning,
// with the value or string masked that the text breaks off in.
func (s *state) appendJSON(src []byte, limit int, record bool) (int, status) {
	start := skipBlank(src, 0)
	c := copier{s: s, src: src, i: start, done: start, masked: -1, limit: limit, record: record}
	st := c.scan()
	c.finish(st)
	return c.i, st
}

// appendObjectHead appends the object that src is the head of, as far as it is there:
// what is open where src ends is closed, and the member or element that it ends in is left
// out, or masked, or, if it is a long string, cut. It reports whether src is the head of an object
// with at least one member that is left.
func (s *state) appendObjectHead(src []byte) bool {
	before := len(s.buf)
	c := copier{s: s, src: src, masked: -1, limit: maxDepth, record: true}
	switch st := c.scan(); {
	case st == truncated:
		c.complete()
	case st == scanned && c.i == len(src):
		c.finish(st) // white space is missing, or more, of which nothing is known
	default:
		return false
	}
	return len(s.buf)-before > len("{}")
}

// copier is one pass over a JSON value. It does not recurse: the value may be
// nested as deep as it likes.
type copier struct {
	s      *state
	src    []byte
	i      int  // the next byte
	done   int  // src[:done] has been dealt with
	depth  int  // objects and arrays open; state.kinds says which is which
	masked int  // depth at which the value being masked stands; -1: none
	from   int  // where that value begins
	name   Key  // the key read last
	inLog  bool // the record's member that was read last is log
	whole  int  // up to where state.buf will hold nothing but whole members and elements
	cut    int  // where state.buf will hold the content of the string that src ends in; 0: it ends in none
	limit  int
	record bool
}

func (c *copier) scan() status {
	next := aValue
	for {
		c.i = skipBlank(c.src, c.i)
		if c.i == len(c.src) {
			return truncated
		}
		b := c.src[c.i]
		st := scanned
		switch next {
		case aValue, aValueOrEnd:
			switch {
			case b == '{' || b == '[':
				next, st = c.open(b)
			case b == ']' && next == aValueOrEnd:
				next = c.close()
			case b == '"':
				next = aDelimiter
				st = c.text(false)
			default:
				next = aDelimiter
				c.i, st = scalarEnd(c.src, c.i)
			}
		case aKey, aKeyOrEnd:
			switch {
			case b == '"':
				next = aValue
				st = c.key()
			case b == '}' && next == aKeyOrEnd:
				next = c.close()
			default:
				st = invalid
			}
		case aDelimiter:
			inObject := c.s.inObject(c.depth)
			switch {
			case b == ',' && inObject:
				c.i++
				next = aKey
			case b == ',':
				c.i++
				next = aValue
			case b == '}' && inObject, b == ']' && !inObject:
				next = c.close()
			default:
				st = invalid
			}
		}
		if st != scanned {
			return st
		}
		if next == aDelimiter {
			c.endValue()
			if c.depth == 0 {
				return scanned
			}
		}
	}
}

// open enters an object or array.
func (c *copier) open(b byte) (next int, _ status) {
	if c.depth == c.limit {
		return 0, tooDeep
	}
	c.i++
	c.s.setKind(c.depth, b == '{')
	c.depth++
	c.markWhole()
	if b == '{' {
		return aKeyOrEnd, scanned
	}
	return aValueOrEnd, scanned
}

// close leaves an object or array, which is the end of a value.
func (c *copier) close() (next int) {
	c.i++
	c.depth--
	return aDelimiter
}

// endValue is called behind every value.
func (c *copier) endValue() {
	if c.masked == c.depth {
		c.replace(c.from, c.i)
		c.s.buf = append(c.s.buf, mask...)
		c.masked = -1
	}
	if last := c.src[c.i-1]; c.i < len(c.src) || last < '0' || '9' < last { // a number may go on
		c.markWhole()
	}
}

// markWhole notes that nothing before src[i] is to be left out, should src end before the
// next value does.
func (c *copier) markWhole() {
	if c.masked < 0 {
		c.whole = c.copied(c.i)
	}
}

// copied returns where in state.buf src[i] will be, which has not been dealt with.
func (c *copier) copied(i int) int { return len(c.s.buf) + i - c.done }

// replace copies what has been read before src[from] and leaves out src[from:to].
func (c *copier) replace(from, to int) {
	c.s.buf = append(c.s.buf, c.src[c.done:from]...)
	c.done = to
}

// finish copies what is left, up to where scan came with st.
func (c *copier) finish(st status) {
	if st == truncated && c.masked >= 0 {
		c.replace(c.from, len(c.src))
		c.s.buf = append(c.s.buf, mask...)
		return
	}
	c.s.buf = append(c.s.buf, c.src[c.done:c.i]...)
}

// complete makes an object of what has been read of one that src is the head of.
func (c *copier) complete() {
	s := c.s
	c.finish(truncated)
	switch {
	case c.masked >= 0:
		c.depth = c.masked
	case c.cut > 0:
		const odd = len(`\ud83d\ude00`) // at the end there may be half of a pair of escapes, or of a character
		if end := headEnd(s.buf, c.cut, len(s.buf)-odd); end-c.cut >= minHead {
			s.buf = append(s.buf[:end], '"')
			break
		}
		fallthrough
	default:
		s.buf = s.buf[:c.whole]
	}
	for ; c.depth > 0; c.depth-- {
		if s.inObject(c.depth) {
			s.buf = append(s.buf, '}')
		} else {
			s.buf = append(s.buf, ']')
		}
	}
}

// key reads a key, its colon and what is between it and its value, and decides
// whether that is masked.
func (c *copier) key() status {
	start := c.i + 1
	if st := c.text(true); st != scanned {
		return st
	}
	raw := c.src[start : c.i-1]
	c.name = raw
	if c.depth == 1 {
		c.inLog = Key(raw).Is("log")
	}
	c.i = skipBlank(c.src, c.i)
	if c.i == len(c.src) {
		return truncated
	}
	if c.src[c.i] != ':' {
		return invalid
	}
	c.i = skipBlank(c.src, c.i+1)
	if c.masked < 0 && c.sensitive(raw) {
		c.masked = c.depth
		c.from = c.i
	}
	return scanned
}

// sensitive reports whether the value under the key raw, as it stands in the
// JSON, is masked.
func (c *copier) sensitive(raw []byte) bool {
	r := c.s.rules()
	if r == nil {
		return false
	}
	key := raw
	for _, b := range raw {
		if b == '\\' {
			c.s.text, c.s.offsets = unescape(c.s.text[:0], c.s.offsets[:0], raw)
			key = c.s.text
			break
		}
	}
	return r.matchKey(view(key)) && !(c.record && c.depth == 1 && isOwn(view(key)))
}

// text reads a string and replaces what is secret in it, unless the whole value is
// masked anyway.
func (c *copier) text(isKey bool) status {
	start := c.i + 1
	end, escaped, st := stringEnd(c.src, start)
	c.i = end
	if st == invalid {
		return st
	}
	raw := c.src[start:end]
	if st == scanned {
		raw = c.src[start : end-1]
	}
	if st == truncated && !isKey {
		c.cut = c.copied(start)
	}
	if c.masked < 0 {
		c.maskText(raw, start, escaped, isKey, st == truncated)
	}
	return st
}

// maskText masks what is secret in the string content raw, which begins at
// src[start].
func (c *copier) maskText(raw []byte, start int, escaped, isKey, isHead bool) {
	r := c.s.rules()
	if r == nil {
		return
	}
	text, offsets := raw, []int(nil)
	if escaped {
		if len(r.patterns) == 0 && !isHead && !mayHoldAt(raw) {
			return
		}
		c.s.text, c.s.offsets = unescape(c.s.text[:0], c.s.offsets[:0], raw)
		text, offsets = c.s.text, c.s.offsets
	}
	if !isHead && !r.suspect(view(text)) {
		return
	}
	c.s.spans = r.spans(c.s.spans, view(text), isKey, isHead)
	if len(c.s.spans) == 0 || !isKey && !isHead && c.isTimeOrLevel(c.src[start-1:start+len(raw)+1]) {
		return
	}
	c.replace(start, start+len(raw))
	c.s.buf = appendMaskedRaw(c.s.buf, raw, c.s.spans, offsets)
}

// isTimeOrLevel reports whether the string v, which has just been read, is the record's
// time or level: masked because it matches a pattern, it would tell nothing any more.
func (c *copier) isTimeOrLevel(v Raw) bool {
	var h heading
	switch {
	case !c.record:
		return false
	case c.depth == 2 && c.inLog:
		return c.name.Is("level") && h.takeOwn(levelRole, nestedRank, v)
	case c.depth != 1:
		return false
	}
	role, rank := roleOfKey(c.name)
	return h.take(role, rank, v)
}

// mayHoldAt reports whether there is an @ in the string content raw, be it written
// as an escape.
func mayHoldAt(raw []byte) bool {
	for i, b := range raw {
		if b == '@' || b == '\\' && i+5 < len(raw) && string(raw[i+1:i+6]) == "u0040" {
			return true
		}
	}
	return false
}
