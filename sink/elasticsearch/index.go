package elasticsearch

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fapilog/fapilog/encode"
)

const (
	maxName  = 255 // bytes of an index's name
	maxValue = 64  // bytes of a value in it
	unknown  = "unknown"
)

// pattern is a compiled [Config.Index]. It names only indices that
// Elasticsearch accepts.
type pattern struct {
	parts  []part
	dated  bool // it has a date
	fields bool // it has a member of the record
}

// part is a piece of a name.
type part struct {
	kind byte   // literal, field or a letter of strftime
	text string // of a literal; the name of the field
}

const (
	literal byte = 0
	field   byte = '{'
)

// layouts are the letters of strftime that have a layout of package time.
var layouts = map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'j': "002", 'G': "", 'V': ""}

// joda are the same as Logstash writes them
// (https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html).
var joda = map[string]byte{
	"yyyy": 'Y', "YYYY": 'Y', "yy": 'y', "YY": 'y', "MM": 'm', "dd": 'd', "HH": 'H', "DDD": 'j', "xxxx": 'G', "ww": 'V',
}

// compile returns a pattern, or what is wrong with it.
func compile(text string) (p pattern, err error) {
	for rest := text; rest != "" && err == nil; {
		switch rest[0] {
		case '%':
			rest, err = p.addStrftime(rest)
		case '{':
			rest, err = p.addBraces(rest)
		default:
			end := strings.IndexAny(rest, "%{")
			if end < 0 {
				end = len(rest)
			}
			p.add(part{literal, rest[:end]})
			rest = rest[end:]
		}
	}
	if err != nil {
		return pattern{}, err
	}
	return p, p.check()
}

func (p *pattern) add(next part) {
	last := len(p.parts) - 1
	switch {
	case next.kind == literal && last >= 0 && p.parts[last].kind == literal:
		p.parts[last].text += next.text
		return
	case next.kind == field:
		p.fields = true
	case next.kind != literal:
		p.dated = true
	}
	p.parts = append(p.parts, next)
}

// addStrftime adds the % that text begins with.
func (p *pattern) addStrftime(text string) (rest string, err error) {
	if strings.HasPrefix(text, "%%") {
		p.add(part{literal, "%"})
		return text[2:], nil
	}
	if len(text) > 1 {
		if _, ok := layouts[text[1]]; ok {
			p.add(part{kind: text[1]})
			return text[2:], nil
		}
	}
	return "", fmt.Errorf("%.8q: want %%Y %%y %%m %%d %%H %%j %%G %%V, or %%%% for a percent sign", text)
}

// addBraces adds the { that text begins with.
func (p *pattern) addBraces(text string) (rest string, err error) {
	name, rest, closed := strings.Cut(text[1:], "}")
	if !closed || name == "" || strings.Contains(name, "{") {
		return "", errors.New("want {member} or {+yyyy.MM.dd}; a brace has no name in it, or no end")
	}
	if date, ok := strings.CutPrefix(name, "+"); ok {
		return rest, p.addJoda(date)
	}
	p.add(part{field, name})
	return rest, nil
}

// addJoda adds a date such as yyyy.MM.dd.
func (p *pattern) addJoda(text string) error {
	for text != "" {
		n := len(text) - len(strings.TrimLeft(text, text[:1]))
		if c := text[0]; c|0x20 < 'a' || c|0x20 > 'z' {
			p.add(part{literal, text[:n]})
		} else if kind, ok := joda[text[:n]]; ok {
			p.add(part{kind: kind})
		} else {
			return fmt.Errorf("%.8q in {+…}: want yyyy yy MM dd HH DDD xxxx ww", text[:n])
		}
		text = text[n:]
	}
	return nil
}

// check reports names that Elasticsearch would refuse whatever a record holds.
func (p *pattern) check() error {
	if len(p.parts) == 0 {
		return errors.New("the name is empty")
	}
	length := 0
	for i, part := range p.parts {
		switch {
		case part.kind == field:
			length += maxValue
		case part.kind != literal:
			length += len("2006")
		default:
			length += len(part.text)
			if err := checkLiteral(part.text, i == 0); err != nil {
				return err
			}
		}
	}
	if length > maxName {
		return fmt.Errorf("the name may have %d bytes, counting %d for each member: want %d at most", length, maxValue, maxName)
	}
	if only := p.parts[0].text; len(p.parts) == 1 && (only == "." || only == "..") {
		return errors.New("the name cannot be one dot or two")
	}
	return nil
}

func checkLiteral(text string, first bool) error {
	switch i := strings.IndexFunc(text, isForbidden); {
	case i >= 0:
		r, _ := utf8.DecodeRuneInString(text[i:])
		return fmt.Errorf(`%q cannot be in a name, as \ / * ? " < > | , # : and spaces cannot`, r)
	case text != strings.ToLower(text):
		return fmt.Errorf("%q: want lower case", text)
	case first && strings.IndexByte("-_+", text[0]) >= 0:
		return errors.New("the name cannot begin with - _ or +")
	}
	return nil
}

// isForbidden reports whether r cannot be in a name. What is not valid UTF-8 is
// U+FFFD, and cannot either.
func isForbidden(r rune) bool {
	return strings.ContainsRune(`\/*?"<>|,#:`, r) || r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r)
}

// append appends the name of the index of a record of time t. It needs no escapes
// in JSON.
func (p *pattern) append(dst []byte, t time.Time, obj []byte) []byte {
	t = t.UTC()
	start := len(dst)
	for i := range p.parts {
		switch part := &p.parts[i]; part.kind {
		case literal:
			dst = append(dst, part.text...)
		case field:
			dst = appendValue(dst, start, member(obj, part.text))
		default:
			dst = appendDate(dst, part.kind, t)
		}
	}
	return dst
}

func appendDate(dst []byte, kind byte, t time.Time) []byte {
	switch kind {
	case 'G':
		year, _ := t.ISOWeek()
		return fmt.Appendf(dst, "%04d", year)
	case 'V':
		_, week := t.ISOWeek()
		return fmt.Appendf(dst, "%02d", week)
	}
	return t.AppendFormat(dst, layouts[kind])
}

// member returns the value of a member of obj, or of the object in it that the part
// of name before a dot names; nil: there is none.
func member(obj []byte, name string) encode.Raw {
	group, rest, dotted := strings.Cut(name, ".")
	for key, value := range encode.Fields(obj) {
		if key.Is(name) {
			return value
		}
		if dotted && key.Is(group) && value.Kind() == encode.KindObject {
			if v := member(value, rest); v != nil {
				return v
			}
		}
	}
	return nil
}

// appendValue appends a value as it may stand in a name that begins at start.
func appendValue(dst []byte, start int, value encode.Raw) []byte {
	from := len(dst)
	var array [256]byte
	for _, r := range string(valueText(array[:0], value)) {
		r = fit(r)
		if strings.ContainsRune(".-_+", r) && len(bytes.Trim(dst[start:], ".")) == 0 {
			continue // a name cannot begin with these, nor be . or ..
		}
		if len(dst)-from+utf8.RuneLen(r) > maxValue {
			break
		}
		dst = utf8.AppendRune(dst, r)
	}
	if len(dst) == from {
		return append(dst, unknown...)
	}
	return dst
}

// fit returns r as it may stand in a name.
func fit(r rune) rune {
	r = unicode.ToLower(r)
	switch {
	case strings.ContainsRune(".-_+", r):
		return r
	case !unicode.IsLetter(r) && !unicode.IsDigit(r), unicode.IsUpper(r), unicode.IsTitle(r):
		return '_'
	}
	return r
}

// valueText appends the text of a string, number or boolean to dst, as much of it
// as can matter.
func valueText(dst []byte, value encode.Raw) []byte {
	value = value[:min(len(value), 6*maxValue+16)] // a byte of text takes six at most
	switch value.Kind() {
	case encode.KindString:
		return encode.Unquote(dst, value)
	case encode.KindNumber, encode.KindBool:
		return append(dst, value...)
	}
	return dst
}
