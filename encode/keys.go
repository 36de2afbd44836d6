package encode

import (
	"regexp"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// sensitive are the words at whose occurrence at the end of a key its value is
// masked, as foldKey writes them.
var sensitive = [...]string{
	"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "authorization", "cookie",
	"privatekey", "accesskey", "credentials",
}

// mask stands in place of a whole value, stars in place of a part of a string.
const (
	mask  = `"***"`
	stars = `***`
)

// rules say what is masked. A nil *rules masks nothing.
type rules struct {
	words    []string    // word i has bit i%32 in the tables
	last     [256]uint32 // the words that can end in a byte
	before   [256]uint32 // the words that can have a byte before their last
	patterns []*regexp.Regexp
}

// anyWord is what the tables have for separators and for bytes beyond ASCII, of
// which one byte says too little.
const anyWord = 1<<32 - 1

func newRules(words []string, patterns []*regexp.Regexp) *rules {
	r := &rules{words: words, patterns: patterns}
	for c := range len(r.last) {
		if c >= utf8.RuneSelf || isSeparator(byte(c)) {
			r.last[c], r.before[c] = anyWord, anyWord
		}
	}
	for i, w := range words {
		bit := uint32(1) << (i % 32)
		enter(&r.last, w[len(w)-1], bit)
		if len(w) > 1 {
			enter(&r.before, w[len(w)-2], bit)
			continue
		}
		for c := range r.before {
			r.before[c] |= bit
		}
	}
	return r
}

// enter sets bit for c in either case.
func enter(table *[256]uint32, c byte, bit uint32) {
	table[c] |= bit
	if 'a' <= c && c <= 'z' {
		table[c-'a'+'A'] |= bit
	}
}

// matchKey reports whether the value under key is masked. The last two bytes
// settle it for nearly all keys.
func (r *rules) matchKey(key string) bool {
	if r == nil || len(key) == 0 {
		return false
	}
	words := r.last[key[len(key)-1]]
	if len(key) > 1 && words != anyWord {
		words &= r.before[key[len(key)-2]]
	}
	return words != 0 && r.matchWords(key, words)
}

// matchWords reports whether key ends in one of the words whose bits are set.
func (r *rules) matchWords(key string, set uint32) bool {
	for i, w := range r.words {
		if set&(1<<(i%32)) == 0 {
			continue
		}
		k, j := len(key)-1, len(w)-1
		for k >= 0 && j >= 0 {
			c := key[k]
			if c >= utf8.RuneSelf {
				return r.matchFolded(key)
			}
			k--
			if isSeparator(c) {
				continue
			}
			if lower(c) != w[j] {
				break
			}
			j--
		}
		if j < 0 {
			return true
		}
	}
	return false
}

// matchFolded is matchWords, with all words, for keys that are not ASCII.
func (r *rules) matchFolded(key string) bool {
	var array [128]byte
	folded := foldKey(array[:0], key)
	for _, w := range r.words {
		if n := len(folded) - len(w); n >= 0 && string(folded[n:]) == w {
			return true
		}
	}
	return false
}

// foldKey appends key without separators and with every letter replaced by the
// one that stands for all its cases.
func foldKey(dst []byte, key string) []byte {
	for _, c := range key {
		if c < utf8.RuneSelf {
			if !isSeparator(byte(c)) {
				dst = append(dst, lower(byte(c)))
			}
			continue
		}
		dst = utf8.AppendRune(dst, foldRune(c))
	}
	return dst
}

// foldRune returns the smallest rune that c equals but for case, in lower case if
// it is ASCII.
func foldRune(c rune) rune {
	least := c
	for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return rune(lower(byte(least)))
	}
	return least
}

func isSeparator(c byte) bool { return c == '_' || c == '-' || c == '.' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// isOwn reports whether key is that of one of a record's own members.
func isOwn(key string) bool {
	switch key {
	case "time", "level", "msg", "source":
		return true
	}
	return false
}

// isOfSource reports whether key is that of a member of a record's source.
func isOfSource(key string) bool { return key == "function" || key == "file" || key == "line" }

// view returns b as a string without copying it: it is not to outlive the call it
// is passed to.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
