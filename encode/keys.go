package encode

import (
	"math/bits"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// Redact says what is masked. The zero value masks by the default keys and in
// URLs; see the package comment for the rules. The sensitive words are
//
//	password passwords passwordconfirmation passwd pwd passphrase passcode
//	secret secrets token authorization cookie cookies credential credentials
//	apikey privatekey accesskey secretkey signingkey encryptionkey
//
// What stands in the query of a URL has no key: "?access_token=…" in a string takes a
// pattern, such as (?i)[?&][^=&#\s]*(token|secret|key|signature)=[^&#\s]*
type Redact struct {
	Off      bool     // nothing is masked
	Keys     []string // further sensitive words for the ends of keys
	Except   []string // keys that are not masked, whatever word they end in: whole ones, compared like words
	Patterns []string // regular expressions (RE2) for parts of string values and of the message
}

// sensitive are the words at whose occurrence at the end of a key its value is
// masked, as foldKey writes them.
var sensitive = [...]string{
	"password", "passwords", "passwordconfirmation", "passwd", "pwd", "passphrase", "passcode",
	"secret", "secrets", "token", "authorization", "cookie", "cookies", "credential", "credentials",
	"apikey", "privatekey", "accesskey", "secretkey", "signingkey", "encryptionkey",
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
	third    [256]uint32 // the words that can have a byte before that
	except   []string    // keys that are not masked, as foldKey writes them
	patterns []*regexp.Regexp
}

// anyWord is what the tables have for separators and for bytes beyond ASCII, of
// which one byte says too little.
const anyWord = 1<<32 - 1

func newRules(words, except []string, patterns []*regexp.Regexp) *rules {
	r := &rules{words: words, except: except, patterns: patterns}
	for d, table := range []*[256]uint32{&r.last, &r.before, &r.third} {
		for c := range table {
			if c >= utf8.RuneSelf || isSeparator(byte(c)) {
				table[c] = anyWord
			}
		}
		for i, w := range words {
			bit := uint32(1) << (i % 32)
			if at := len(w) - 1 - d; at >= 0 {
				enter(table, w[at], bit)
				continue
			}
			for c := range table {
				table[c] |= bit
			}
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
	return words != 0 && r.matchWords(key, words) && !r.excepted(key)
}

// excepted reports whether key is not masked though it ends in a word.
func (r *rules) excepted(key string) bool {
	if len(r.except) == 0 {
		return false
	}
	var array [128]byte
	return slices.Contains(r.except, view(foldKey(array[:0], key)))
}

// matchWords reports whether key ends in one of the words whose bits are set.
func (r *rules) matchWords(key string, set uint32) bool {
	if n := len(key); n > 2 && r.last[key[n-1]] != anyWord && r.before[key[n-2]] != anyWord {
		set &= r.third[key[n-3]]
	}
	for ; set != 0; set &= set - 1 {
		for i := bits.TrailingZeros32(set); i < len(r.words); i += 32 {
			rest, odd := withoutEnd(key, r.words[i])
			if odd {
				return r.matchFolded(key)
			}
			if rest == 0 {
				return true
			}
		}
	}
	return false
}

// withoutEnd returns how much of word is left when what it has in common with the end
// of key is cut off. odd reports that key is not ASCII there.
func withoutEnd(key, word string) (rest int, odd bool) {
	k, j := len(key)-1, len(word)-1
	for ; k >= 0 && j >= 0; k-- {
		c := key[k]
		switch {
		case c == word[j], lower(c) == word[j]:
			j--
		case c >= utf8.RuneSelf:
			return 0, true
		case !isSeparator(c):
			return j + 1, false
		}
	}
	return j + 1, false
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
