package estest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The types that dynamic mapping knows.
const (
	kindLong    = "long"
	kindFloat   = "float"
	kindBoolean = "boolean"
	kindDate    = "date"
	kindText    = "text"
	kindObject  = "object"
)

// maxFields is index.mapping.total_fields.limit.
const maxFields = 1000

// leaf is a value in a document, or an object in it.
type leaf struct {
	path, kind, text string
}

// metadata are fields of documents that a document cannot have itself.
var metadata = []string{"_id", "_index", "_source", "_type", "_routing", "_field_names", "_ignored", "_seq_no", "_primary_term", "_version"}

func parseError(format string, args ...any) *Failure {
	return failure(http.StatusBadRequest, "document_parsing_exception", format, args...)
}

// parseDocument returns the leaves of a document, each object before what is in it.
func parseDocument(source []byte, id string) ([]leaf, *Failure) {
	if n := invalidUTF8(source); n >= 0 {
		return nil, parseError("[1:%d] failed to parse: Invalid UTF-8 start byte %#x", n+1, source[n])
	}
	p := documentParser{decoder: json.NewDecoder(bytes.NewReader(source)), id: id}
	p.decoder.UseNumber()
	if token, err := p.decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, parseError("[1:1] failed to parse: a document is an object")
	}
	if f := p.object(""); f != nil {
		return nil, f
	}
	if _, err := p.decoder.Token(); err != io.EOF {
		return nil, parseError("[1:%d] failed to parse: there is more than one value", p.decoder.InputOffset())
	}
	return p.leaves, nil
}

// invalidUTF8 returns where the first byte is that is not UTF-8; -1: nowhere.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

type documentParser struct {
	decoder *json.Decoder
	id      string
	leaves  []leaf
}

// object parses the members of an object behind its brace.
func (p *documentParser) object(prefix string) *Failure {
	seen := map[string]bool{}
	for {
		token, err := p.decoder.Token()
		if err != nil {
			return parseError("[1:%d] failed to parse: %v", p.decoder.InputOffset(), err)
		}
		if token == json.Delim('}') {
			return nil
		}
		name := token.(string)
		switch {
		case seen[name]:
			return parseError("[1:%d] failed to parse: Duplicate field '%s'", p.decoder.InputOffset(), name)
		case prefix == "" && slices.Contains(metadata, name):
			return parseError("[1:%d] Field [%s] is a metadata field and cannot be added inside a document. Use the index API request parameters.", p.decoder.InputOffset(), name)
		case strings.TrimSpace(name) == "" || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
			return parseError("[1:%d] failed to parse: field name [%s] cannot be empty or have empty parts", p.decoder.InputOffset(), name)
		}
		seen[name] = true
		for i := range len(name) {
			if name[i] == '.' { // a.b is b in a
				p.leaves = append(p.leaves, leaf{prefix + name[:i], kindObject, ""})
			}
		}
		if f := p.value(prefix + name); f != nil {
			return f
		}
	}
}

func (p *documentParser) value(path string) *Failure {
	token, err := p.decoder.Token()
	if err != nil {
		return parseError("[1:%d] failed to parse: %v", p.decoder.InputOffset(), err)
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			p.leaves = append(p.leaves, leaf{path, kindObject, ""})
			return p.object(path + ".")
		}
		for p.decoder.More() {
			if f := p.value(path); f != nil {
				return f
			}
		}
		if _, err := p.decoder.Token(); err != nil {
			return parseError("[1:%d] failed to parse: %v", p.decoder.InputOffset(), err)
		}
	case bool:
		p.leaves = append(p.leaves, leaf{path, kindBoolean, fmt.Sprint(v)})
	case json.Number:
		kind := kindLong
		if strings.ContainsAny(v.String(), ".eE") {
			kind = kindFloat
		}
		p.leaves = append(p.leaves, leaf{path, kind, v.String()})
	case string:
		kind := kindText
		if isDate(v) {
			kind = kindDate
		}
		p.leaves = append(p.leaves, leaf{path, kind, v})
	}
	return nil
}

// date is strict_date_optional_time, but for a year alone.
var date = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?)?$`)

func isDate(text string) bool {
	return len(text) >= len("2006-01") && len(text) <= 40 && text[4] == '-' && date.MatchString(text)
}

// accept refuses a document that does not fit the fields there are, and takes over
// the fields that it adds.
func (ix *index) accept(leaves []leaf, id string) *Failure {
	if ix.stream && !slices.ContainsFunc(leaves, func(l leaf) bool { return l.path == "@timestamp" }) {
		return parseError("[1:1] failed to parse: data stream timestamp field [@timestamp] is missing")
	}
	added := map[string]string{}
	for _, l := range leaves {
		kind, known := ix.kinds[l.path]
		if !known {
			kind, known = added[l.path]
		}
		if !known {
			added[l.path] = l.kind
		} else if f := l.fits(kind, id); f != nil {
			return f
		}
	}
	if total := len(ix.kinds) + len(added); total > maxFields {
		return failure(http.StatusBadRequest, "illegal_argument_exception", "Limit of total fields [%d] has been exceeded while adding new fields [%d]", maxFields, len(added))
	}
	maps.Copy(ix.kinds, added)
	return nil
}

// fits refuses a value for a field of this type.
func (l leaf) fits(kind, id string) *Failure {
	_, notNumber := strconv.ParseFloat(l.text, 64)
	ok := false
	switch kind {
	case kindObject:
		if l.kind != kindObject {
			return parseError("[1:1] object mapping for [%s] tried to parse field [%s] as object, but found a concrete value", l.path, l.path)
		}
		ok = true
	case kindText:
		ok = l.kind != kindObject
	case kindLong, kindFloat:
		ok = l.kind != kindObject && l.kind != kindBoolean && notNumber == nil
	case kindBoolean:
		ok = l.kind == kindBoolean || l.kind == kindText && (l.text == "" || l.text == "true" || l.text == "false")
	case kindDate:
		ok = l.kind == kindDate || l.kind == kindLong
	}
	if ok {
		return nil
	}
	return parseError("[1:1] failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '%s'", l.path, kind, id, l.text)
}
