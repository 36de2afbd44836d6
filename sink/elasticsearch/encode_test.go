package elasticsearch

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

func TestDocumentHasItsTime(t *testing.T) {
	const at = `"@timestamp":"2024-02-29T12:00:00.123456789Z"`
	tests := []struct{ field, obj, want string }{
		{"@timestamp", `{"msg":"a"}`, `{` + at + `,"msg":"a"}`},
		{"@timestamp", `{"msg" : 1.50 }`, `{` + at + `,"msg" : 1.50 }`},
		{"@timestamp", ` { "msg":1}` + "\r", `{` + at + `,"msg":1}`},
		{"@timestamp", `{}`, `{` + at + `}`},
		{"@timestamp", `{ }`, `{` + at + `}`},
		{"@timestamp", `{"a":1,"@timestamp":"then"}`, `{"a":1,"@timestamp":"then"}`},
		{"@timestamp", `{"\u0040timestamp":null}`, `{"\u0040timestamp":null}`},
		{"@timestamp", `{"a":{"@timestamp":1}}`, `{` + at + `,"a":{"@timestamp":1}}`},
		{"", `{"msg":"a"}`, `{"msg":"a"}`},
		{"", "{\"msg\":\"a\xffb\xe2\x82\"}", "{\"msg\":\"a\uFFFDb\uFFFD\"}"},
		{`wann "genau"`, `{"msg":"a"}`, `{"wann \"genau\"":"2024-02-29T12:00:00.123456789Z","msg":"a"}`},
	}
	for _, test := range tests {
		d := newDocuments(pattern{}, test.field, time.Time{})
		if got := string(d.appendSource(nil, noon, []byte(test.obj))); got != test.want || !json.Valid([]byte(got)) {
			t.Errorf("%q with field %q is %s, want %s", test.obj, test.field, got, test.want)
		}
	}
}

func TestRecordWithoutAUsableTimeCountsAsLoggedWhenTheSinkWasOpened(t *testing.T) {
	index, err := compile("x-%Y")
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Date(2030, 1, 1, 1, 0, 0, 0, time.FixedZone("", 3600))
	d := newDocuments(index, "t", opened)
	for _, at := range []time.Time{{}, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)} {
		want := `{"create":{"_index":"x-2030","_id":"` + sink.ID{}.String() + "\"}}\n{\"t\":\"2030-01-01T00:00:00Z\"}\n"
		if got := string(d.appendBulk(nil, []sink.Record{{Time: at, JSON: []byte(`{}`)}})); got != want {
			t.Errorf("at %v: %s, want %s", at, got, want)
		}
	}
}

// A record cannot smuggle an action in, nor take the source of another.
func FuzzRecordIsTwoLines(f *testing.F) {
	f.Add(`{"msg":"a"}`, `{"msg":"b"}`)
	f.Add("{\n\"msg\":\n\"a\"\n}\n", "\n\n")
	f.Add("", "{")
	f.Fuzz(func(t *testing.T, a, b string) {
		index, _ := compile("{msg}")
		for _, field := range []string{"", "@timestamp"} {
			d := newDocuments(index, field, noon)
			body := string(d.appendBulk(nil, []sink.Record{record(1, a), record(2, b)}))
			lines := strings.Split(body, "\n")
			if len(lines) != 5 || lines[4] != "" {
				t.Fatalf("%q", body)
			}
			for i, obj := range []string{a, b} {
				var action struct {
					Create struct{ Index, ID string }
				}
				text := strings.NewReplacer(`"_index"`, `"index"`, `"_id"`, `"id"`).Replace(lines[2*i])
				if err := json.Unmarshal([]byte(text), &action); err != nil || action.Create.ID != record(i+1, "").ID.String() {
					t.Errorf("%v: %s", err, lines[2*i])
				}
				if !utf8.ValidString(lines[2*i+1]) {
					t.Errorf("%q has become %q", obj, lines[2*i+1])
				}
				if json.Valid([]byte(obj)) && !json.Valid([]byte(lines[2*i+1])) {
					t.Errorf("%q has become %q", obj, lines[2*i+1])
				}
			}
		}
	})
}
