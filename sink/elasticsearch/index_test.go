package elasticsearch

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/elasticsearch/estest"
)

func TestIndexIsNamedByPattern(t *testing.T) {
	tests := []struct{ pattern, obj, want string }{
		{"logs", `{}`, "logs"},
		{DefaultIndex, `{}`, "fapilog-2024.02.29"},
		{"a-%y%m%d%H-%j-%G.%V-%%", `{}`, "a-24022912-060-2024.09-%"},
		{"a-{+yyyy.MM.dd}-{+YY}{+HH}-{+xxxx.ww}-{+DDD}", `{}`, "a-2024.02.29-2412-2024.09-060"},
		{".hidden-{app}", `{"app":"x"}`, ".hidden-x"},
		{"{app}-{n}-{ok}", `{"app":"Shop","n":-1.5e+3,"ok":true}`, "shop--1.5e+3-true"},
		{"x-{http.host}", `{"http":{"host":"A"}}`, "x-a"},
		{"x-{http.host}", `{"http.host":"dotted"}`, "x-dotted"},
		{"x-{a.b.c}", `{"a":1,"a":{"b":2},"a":{"b":{"c":"deep"}}}`, "x-deep"},
		{"x-{app}", `{"\u0061pp":"escaped name"}`, "x-escaped_name"},
		{"x-{app}", `{}`, "x-unknown"},
		{"x-{app}", `{"app":null}`, "x-unknown"},
		{"x-{app}", `{"app":["a"]}`, "x-unknown"},
		{"x-{app}", `{"app":{"a":1}}`, "x-unknown"},
		{"x-{app}", `{"app":""}`, "x-unknown"},
		{"x-{app}", `{"app":"\\ / * ? \" < > | , # : \u0000\n"}`, "x-" + strings.Repeat("_", 24)},
		{"x-{app}", `{"app":"../../etc"}`, "x-.._.._etc"},
		{"{app}", `{"app":"../../etc"}`, "etc"},
		{"{app}", `{"app":".."}`, "unknown"},
		{"{app}", `{"app":"-_+.security-7"}`, "security-7"},
		{"{app}", `{"app":"*"}`, "unknown"},
		{".{app}", `{"app":"."}`, ".unknown"},
		{"{app}", `{"app":"ÄÖ東京 İ"}`, "äö東京_i"},
		{"{app}", "{\"app\":\"a\xff\\ud800b\"}", "a__b"},
		{"{app}", `{"app":"` + strings.Repeat("é", 100) + `"}`, strings.Repeat("é", 32)},
		{"{app}", `{"app":"` + strings.Repeat(`\u0041`, 100) + `"}`, strings.Repeat("a", 64)},
		{"{app}", `{"app":` + strings.Repeat("1", 1000) + `}`, strings.Repeat("1", 64)},
	}
	for _, test := range tests {
		p, err := compile(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		east := time.FixedZone("", 14*3600) // the date is that of UTC
		if got := string(p.append([]byte("before"), noon.In(east), []byte(test.obj))); got != "before"+test.want {
			t.Errorf("%s of %s is %q, want %q", test.pattern, test.obj, got, test.want)
		}
	}
}

func TestMistakesInAPatternAreTold(t *testing.T) {
	tests := []struct{ pattern, want string }{
		{"logs-%q", `want %Y %y %m`},
		{"logs-%", `want %Y %y %m`},
		{"logs-{app", "no end"},
		{"logs-{}", "no name"},
		{"logs-{a{b}}", "brace"},
		{"logs-{+yyy}", `"yyy" in {+…}`},
		{"Logs", "lower case"},
		{"logs app", `' ' cannot be in a name`},
		{"logs:1", `':' cannot be in a name`},
		{"logs/%Y", `'/' cannot be in a name`},
		{"logs-{+yyyy/MM}", `'/' cannot be in a name`},
		{"logs\xff", "cannot be in a name"},
		{"a}b#", "'#'"},
		{"-logs", "cannot begin"},
		{"_%Y", "cannot begin"},
		{".", "cannot be one dot or two"},
		{"..", "cannot be one dot or two"},
		{strings.Repeat("a", 256), "255 at most"},
		{"{a}{b}{c}{d}", "255 at most"},
	}
	for _, test := range tests {
		if _, err := compile(test.pattern); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: the error is %v, want %q", test.pattern, err, test.want)
		}
	}
}

// Whatever a record holds, and however index is written, the server takes the name.
func FuzzIndexNamesAreValid(f *testing.F) {
	f.Add("logs-{app}-%Y", `Shop \ / * "`)
	f.Add("{a.b}{+yyyy.MM.dd}", "..")
	f.Add(".{app}", "-_+.")
	f.Fuzz(func(t *testing.T, text, value string) {
		p, err := compile(text)
		if err != nil {
			return
		}
		obj := []byte(`{"app":"` + value + `","a":{"b":"` + value + `"}}`)
		d := documents{index: p, opened: noon}
		body := d.appendBulk(nil, []sink.Record{{Time: noon, JSON: []byte(`{}`)}})
		name := string(p.append(nil, noon, obj))
		body = []byte(strings.Replace(string(body), string(p.append(nil, noon, []byte(`{}`))), name, 1))

		r := httptest.NewRequest(http.MethodPost, "/_bulk", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/x-ndjson")
		w := httptest.NewRecorder()
		server := new(estest.Server)
		server.ServeHTTP(w, r)
		if docs := server.Documents(); len(docs) != 1 || docs[0].Index != name {
			t.Errorf("%q with %q is %q: %s", text, value, name, w.Body)
		}
	})
}
