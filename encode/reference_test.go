package encode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/fapilog/fapilog/encode"
)

// line describes one record and the way it is logged, for this package and for
// log/slog alike.
type line struct {
	addSource bool
	replace   func([]string, slog.Attr) slog.Attr
	extra     []slog.Attr
	with      []step
	record    slog.Record
}

// step is one WithGroup, or WithAttrs if group is empty.
type step struct {
	group string
	attrs []slog.Attr
}

// ours is the line as this package encodes it.
func (l *line) ours(t testing.TB, redact encode.Redact) []byte {
	t.Helper()
	e := newEncoder(t, encode.Options{AddSource: l.addSource, ReplaceAttr: l.replace, Redact: redact})
	for _, s := range l.with {
		if s.group != "" {
			e = e.WithGroup(s.group)
		} else {
			e = e.WithAttrs(s.attrs)
		}
	}
	return e.AppendRecord(nil, &l.record, l.extra)
}

// slogs is the line as log/slog writes it, without the newline.
func (l *line) slogs(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	var h slog.Handler = slog.NewJSONHandler(&out, &slog.HandlerOptions{AddSource: l.addSource, ReplaceAttr: l.replace})
	h = h.WithAttrs(l.extra)
	for _, s := range l.with {
		if s.group != "" {
			h = h.WithGroup(s.group)
		} else {
			h = h.WithAttrs(s.attrs)
		}
	}
	if err := h.Handle(context.Background(), l.record); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// compare fails the test unless ours is what log/slog writes or, where that is not
// valid JSON, what it would be without its two known faults.
func (l *line) compare(t testing.TB) {
	t.Helper()
	got, want := l.ours(t, encode.Redact{Off: true}), l.slogs(t)
	if !json.Valid(want) {
		want = repair(want)
	}
	if !json.Valid(want) {
		t.Fatalf("log/slog is wrong in an unknown way: %s", l.slogs(t))
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("the bytes differ\nours    %s\nlog/slog %s", got, want)
	}
}

// repair undoes log/slog's two faults and nothing else: a comma that is missing
// between a value and the next key is inserted; of two strings that stand beside
// each other as one value, which are the error for a year and the year, the second
// is dropped.
func repair(line []byte) []byte {
	var out []byte
	afterValue := false
	for i := 0; i < len(line); {
		c := line[i]
		if c != '"' {
			if afterValue && c != ',' && c != '}' && c != ']' && c != ':' {
				afterValue = false
			}
			switch {
			case c == ',' || c == ':' || c == '{' || c == '[':
				afterValue = false
			case c == '}' || c == ']' || i+1 < len(line) && line[i+1] == '"':
				afterValue = true // a scalar's last byte, if a string is next
			}
			out = append(out, c)
			i++
			continue
		}
		end := i + 1
		for ; line[end] != '"'; end++ {
			if line[end] == '\\' {
				end++
			}
		}
		end++
		isKey := end < len(line) && line[end] == ':'
		switch {
		case afterValue && isKey:
			out = append(out, ',')
		case afterValue:
			i = end
			continue
		}
		out = append(out, line[i:end]...)
		afterValue = !isKey
		i = end
	}
	return out
}

func newEncoder(t testing.TB, o encode.Options) *encode.Encoder {
	t.Helper()
	e, err := encode.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRepairMendsTheTwoFaultsOfSlogAlone(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1"b":{"c":"x""d":[1,"e"]}"f":true"g":null}`: `{"a":1,"b":{"c":"x","d":[1,"e"]},"f":true,"g":null}`,
		`{"a":"!ERROR:year""10000-01-01","b":"c"}`:        `{"a":"!ERROR:year","b":"c"}`,
		`{"a":"\"","b\\":["x","y"],"c":{}}`:               `{"a":"\"","b\\":["x","y"],"c":{}}`,
		`{"a":1 2}`:                                       `{"a":1 2}`,
	} {
		if got := string(repair([]byte(in))); got != want {
			t.Errorf("repair(%s) = %s, want %s", in, got, want)
		}
	}
}
