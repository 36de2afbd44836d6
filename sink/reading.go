package sink

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// reading is how a text reads with its escapes undone.
type reading struct {
	text string
	at   []int // where each byte of text begins in the text as it stands, and where that ends; nil: text is that
}

// span is a part of a text as it stands.
type span struct{ start, end int }

// readings returns text as it stands, and as it reads with escapes undone, once and twice:
// a server may quote JSON in JSON, or a URL in it.
func readings(text string) []reading {
	all := []reading{{text: text}}
	undone := 0 // of all
	for range 2 {
		for n := len(all); undone < n; undone++ {
			r := all[undone]
			if strings.Contains(r.text, `\`) {
				all = append(all, r.undo('\\', unescape))
			}
			if strings.Contains(r.text, "%") {
				all = append(all, r.undo('%', unpercent))
			}
		}
	}
	return all
}

// undo returns r without the escapes that begin with mark. one appends what the escape
// stands for with which a text begins, and returns its length; 0: it is none.
func (r reading) undo(mark byte, one func(b []byte, text string) ([]byte, int)) reading {
	b, at := make([]byte, 0, len(r.text)), make([]int, 0, len(r.text)+1)
	for i := 0; i < len(r.text); {
		n := 0
		if r.text[i] == mark {
			b, n = one(b, r.text[i:])
		}
		if n == 0 {
			b, n = append(b, r.text[i]), 1
		}
		for len(at) < len(b) {
			at = append(at, r.place(i))
		}
		i += n
	}
	return reading{string(b), append(at, r.place(len(r.text)))}
}

// place returns where byte i of r begins in the text as it stands.
func (r reading) place(i int) int {
	if r.at == nil {
		return i
	}
	return r.at[i]
}

// unescape is for a backslash, as in strings of JSON and Go.
func unescape(b []byte, text string) ([]byte, int) {
	if len(text) > 1 && strings.IndexByte(`/"'`, text[1]) >= 0 {
		return append(b, text[1]), 2
	}
	if r := surrogates(text); r != utf8.RuneError {
		return utf8.AppendRune(b, r), 12
	}
	r, multibyte, rest, err := strconv.UnquoteChar(text, 0)
	switch {
	case err != nil:
		return b, 0
	case multibyte:
		b = utf8.AppendRune(b, r)
	default:
		b = append(b, byte(r))
	}
	return b, len(text) - len(rest)
}

// surrogates returns the character that JSON escapes in two halves, \ud83d\ude00, with
// which text begins; otherwise U+FFFD.
func surrogates(text string) rune {
	if len(text) < 12 || text[1] != 'u' || text[6:8] != `\u` {
		return utf8.RuneError
	}
	high, err1 := strconv.ParseUint(text[2:6], 16, 16)
	low, err2 := strconv.ParseUint(text[8:12], 16, 16)
	if err1 != nil || err2 != nil {
		return utf8.RuneError
	}
	return utf16.DecodeRune(rune(high), rune(low))
}

// unpercent is for a percent sign, as in URLs.
func unpercent(b []byte, text string) ([]byte, int) {
	if len(text) < 3 {
		return b, 0
	}
	c, err := strconv.ParseUint(text[1:3], 16, 8)
	if err != nil {
		return b, 0
	}
	return append(b, byte(c)), 3
}

// find appends where secret stands.
func (r reading) find(found []span, secret string) []span {
	for done := 0; ; {
		i := strings.Index(r.text[done:], secret)
		if i < 0 {
			return found
		}
		start, end := done+i, done+i+len(secret)
		if len(secret) >= wholeWord || standsAlone(r.text, start, end) {
			found = append(found, span{r.place(start), r.place(end)})
		}
		done = end
	}
}

// standsAlone reports whether no letter or digit is beside a part of text.
func standsAlone(text string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:start])
	after, _ := utf8.DecodeRuneInString(text[end:])
	return !isWord(before) && !isWord(after)
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// cover returns text with those parts masked; parts that overlap are one.
func cover(text string, parts []span) string {
	slices.SortFunc(parts, func(a, b span) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	var b strings.Builder
	done := 0
	for i := 0; i < len(parts); {
		whole := parts[i]
		for i++; i < len(parts) && parts[i].start < whole.end; i++ {
			whole.end = max(whole.end, parts[i].end)
		}
		b.WriteString(text[done:whole.start])
		b.WriteString(masked)
		done = whole.end
	}
	b.WriteString(text[done:])
	return b.String()
}
