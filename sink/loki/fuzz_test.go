package loki

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

// Whatever a record holds, the request is one that Loki takes, and says what the record
// says.
func FuzzEveryRecordMakesARequestThatLokiTakes(f *testing.F) {
	f.Add([]byte(`{"a":"x","b":{"c":"y"},"msg":"\"\\\n\u0000"}`), int64(1))
	f.Add([]byte(`{"b.c":[1,"`+"\xff"+`"],"a":null,"a":"\ud800"}`), int64(-1))
	f.Add([]byte(`{"a":"`+strings.Repeat("é", 3000)+`"}`), int64(1<<62))
	f.Add([]byte("{\"a\":\"\u2028\x00\x1b\"}"), int64(0))
	f.Add([]byte(`{"b":{"c":{"d":1}}`), int64(0))
	f.Add([]byte("\xf0\x28"), int64(0))
	c := Config{LabelFields: sink.List{"a", "b.c", "level"}, LabelValues: 3, MetadataFields: sink.List{"a", "b.c", "b", "9"}}
	c.URL = &url.URL{Scheme: "http", Host: "h"}
	s, err := New(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte, at int64) {
		before := string(line)
		batch := []sink.Record{{Time: time.Unix(0, at), JSON: line}, {Time: time.Unix(0, at), JSON: line}}
		p := s.(*destination).packer()
		defer p.release()
		body, refused := p.pack(batch, time.Now())
		if string(line) != before {
			t.Error("the record was changed")
		}
		streams, err := readPush(body)
		if err != nil {
			t.Fatalf("%v: %q", err, body)
		}
		want := string([]rune(before))
		if len(refused) != 0 || len(streams) != 1 || len(streams[0].entries) != 2 {
			t.Fatalf("%d are refused; %+v", len(refused), streams)
		}
		if e := streams[0].entries[0]; e.line != want || e.at != at || utf8.Valid(line) && e.line != before || e.meta != streams[0].entries[1].meta {
			t.Errorf("got %+v, want %q at %d", e, want, at)
		}
	})
}

func FuzzEveryNameAndValueFits(f *testing.F) {
	f.Add("app", "api")
	f.Add("__9é.\xff", "\xff\x00é")
	f.Add("a", `{"time":"2026-11-22T11:44:08Z","msg":"a \"b\" \\ é","n":1}`+strings.Repeat("\x00\t\n", 50)+`"""""""""`)
	f.Fuzz(func(t *testing.T, name, value string) {
		if fit := fitName(name); name != "" && (!labelName.MatchString(fit) || strings.HasPrefix(fit, "__") || len(fit) > maxName || fitName(fit) != fit) {
			t.Errorf("%q becomes %q", name, fit)
		}
		fit := fitValue(nil, []byte(value))
		if !utf8.Valid(fit) || len(fit) > maxValue || string(fitValue(nil, fit)) != string(fit) || (value == "") != (len(fit) == 0) {
			t.Errorf("%q becomes %q", value, fit)
		}
		var back string
		valid := string(validUTF8([]byte(value)))
		if err := json.Unmarshal(appendString(nil, valid), &back); err != nil || back != valid {
			t.Errorf("%q becomes %q: %v", valid, back, err)
		}
		if one, other := appendString(nil, valid), appendLine(nil, []byte(valid)); string(one) != string(other) {
			t.Errorf("%q becomes %s and, as a line, %s", valid, one, other)
		}
	})
}
