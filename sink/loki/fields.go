package loki

import (
	"log/slog"
	"strings"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// fields finds the fields of a record that become labels and metadata. Each has a
// place: first the labels in the order of the settings, then the metadata.
type fields struct {
	names  []string // as labels and metadata
	labels int      // how many of them are labels
	levels []int    // the places that the record's level has
	roots  []*node
	wanted int // places that have to be looked for
}

// node is a member that is looked for.
type node struct {
	name   string
	places []int   // where its value goes
	below  []*node // those in it, if it is a group
}

// levelField is the field that is not looked for in the JSON: other programs write it
// in many ways.
const levelField = "level"

func (c *Config) fields() (f fields) {
	f.labels = len(c.LabelFields)
	for place, name := range append(append(sink.List(nil), c.LabelFields...), c.MetadataFields...) {
		f.names = append(f.names, fitName(name))
		if name == levelField {
			f.levels = append(f.levels, place)
			continue
		}
		f.wanted++
		add(&f.roots, name, place)
		f.addPath(name, place)
	}
	return f
}

// addPath has name looked for as a path through groups, if it can be one.
func (f *fields) addPath(name string, place int) {
	nodes := &f.roots
	for {
		group, rest, ok := strings.Cut(name, ".")
		if !ok || group == "" || rest == "" {
			break
		}
		nodes = &at(nodes, group).below
		name = rest
	}
	if nodes != &f.roots {
		add(nodes, name, place)
	}
}

func add(nodes *[]*node, name string, place int) {
	n := at(nodes, name)
	n.places = append(n.places, place)
}

// at returns the node with this name, a new one if there is none.
func at(nodes *[]*node, name string) *node {
	for _, n := range *nodes {
		if n.name == name {
			return n
		}
	}
	n := &node{name: name}
	*nodes = append(*nodes, n)
	return n
}

// find sets the values of r's fields by their place; nil: there is none. They are
// parts of r's JSON, but for the level.
func (f *fields) find(r *sink.Record, values []encode.Raw) {
	clear(values)
	for _, place := range f.levels {
		values[place] = levelText(r.Level)
	}
	if left := f.wanted; left > 0 {
		search(r.JSON, f.roots, values, &left)
	}
}

// search goes through the members of obj until nothing is left to be found. Of members
// with the same name the first counts.
func search(obj []byte, nodes []*node, values []encode.Raw, left *int) {
	for key, value := range encode.Fields(obj) {
		for _, n := range nodes {
			if !key.Is(n.name) {
				continue
			}
			for _, place := range n.places {
				if values[place] == nil {
					values[place] = value
					*left--
				}
			}
			if len(n.below) > 0 && value.Kind() == encode.KindObject {
				search(value, n.below, values, left)
			}
			break
		}
		if *left <= 0 {
			return
		}
	}
}

// appendText appends a value as text: of a string what it says, nothing for null.
func appendText(dst []byte, value encode.Raw) []byte {
	switch value.Kind() {
	case encode.KindString:
		return encode.Unquote(dst, value)
	case encode.KindNull, encode.KindInvalid:
		return dst
	}
	return append(dst, validUTF8(value)...)
}

var levelTexts = []struct {
	below slog.Level
	text  encode.Raw // a string of JSON
}{
	{slog.LevelDebug, encode.Raw(`"trace"`)},
	{slog.LevelInfo, encode.Raw(`"debug"`)},
	{slog.LevelWarn, encode.Raw(`"info"`)},
	{slog.LevelError, encode.Raw(`"warn"`)},
	{slog.LevelError + 4, encode.Raw(`"error"`)},
}

// levelText returns the level by the names that Loki and Grafana know
// (https://grafana.com/docs/grafana/latest/explore/logs-integration/#log-level).
func levelText(level slog.Level) encode.Raw {
	for _, l := range levelTexts {
		if level < l.below {
			return l.text
		}
	}
	return encode.Raw(`"critical"`)
}
