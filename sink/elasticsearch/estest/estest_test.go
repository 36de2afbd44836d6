package estest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// ask makes a request of s and returns its answer, as JSON with sorted members.
func ask(t *testing.T, s *Server, method, target, body string, headers ...string) (status int, answer string) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-ndjson")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s", w.Body)
	}
	return w.Code, w.Body.String()
}

// want expects a status and parts of the answer.
func want(t *testing.T, what string, status int, answer string, wantStatus int, parts ...string) {
	t.Helper()
	if status != wantStatus {
		t.Errorf("%s: %d %s, want %d", what, status, answer, wantStatus)
	}
	for _, p := range parts {
		if !strings.Contains(answer, p) {
			t.Errorf("%s: %s does not have %s", what, answer, p)
		}
	}
}

const one = `{"create":{"_index":"a","_id":"1"}}` + "\n" + `{"n":1}` + "\n"

func TestMalformedRequestsAreRefusedAsAWhole(t *testing.T) {
	tests := []struct {
		name, target, body, contentType string
		status                          int
		reason                          string
	}{
		{"without a body", "/_bulk", "", "", 400, "request body is required"},
		{"without the last newline", "/_bulk", strings.TrimSuffix(one, "\n"), "", 400, "must be terminated by a newline"},
		{"without a source", "/_bulk", `{"create":{"_index":"a"}}` + "\n", "", 400, "source is missing"},
		{"without an index", "/_bulk", "{\"create\":{}}\n{}\n", "", 400, "index is missing"},
		{"with blank lines only", "/_bulk", "\n\n", "", 400, "no requests added"},
		{"with another action", "/_bulk", "{\"make\":{}}\n{}\n", "", 400, "found [make]"},
		{"with two actions in a line", "/_bulk", `{"create":{},"index":{}}` + "\n{}\n", "", 400, "found [2]"},
		{"with another parameter of an action", "/_bulk", `{"create":{"_type":"x"}}` + "\n{}\n", "", 400, "unknown parameter [_type]"},
		{"with a number for an id", "/_bulk", `{"create":{"_id":1}}` + "\n{}\n", "", 400, "simple value"},
		{"with a line that is no object", "/_bulk", "[]\n{}\n", "", 400, "START_OBJECT"},
		{"with another parameter", "/_bulk?tenant=1", one, "", 400, "unrecognized parameter: [tenant]"},
		{"with another content type", "/_bulk", one, "text/plain", 406, "Content-Type header [text/plain] is not supported"},
		{"with an action that is not UTF-8", "/_bulk", "{\"create\":{\"_index\":\"a\xff\"}}\n{}\n", "", 400, "Invalid UTF-8 start byte 0xff"},
		{"with an update", "/_bulk", "{\"update\":{}}\n{}\n", "", 501, "update"},
		{"too long", "/_bulk", one + one + one, "", 413, "too long"},
		{"elsewhere", "/a/_search", one, "", 501, "/a/_search"},
	}
	for _, test := range tests {
		s := &Server{MaxContent: 100}
		var headers []string
		if test.contentType != "" {
			headers = []string{"Content-Type", test.contentType}
		}
		status, answer := ask(t, s, "POST", test.target, test.body, headers...)
		want(t, test.name, status, answer, test.status, `"root_cause":[{`, test.reason, fmt.Sprintf(`"status":%d`, test.status))
		if len(s.Documents()) != 0 {
			t.Errorf("%s: something was stored", test.name)
		}
	}
}

func TestEachActionHasItsItem(t *testing.T) {
	s := &Server{DataStreams: []string{"stream"}, Pipelines: []string{"p"}}
	long := strings.Repeat("x", 513)
	tests := []struct{ action, source, want string }{
		{`{"create":{"_index":"a","_id":"1"}}`, `{"n":1,"o":{"s":"text"},"at":"2024-02-29","yes":true,"list":[1,[2]]}`, `"result":"created"`},
		{`{"create":{"_index":"a","_id":"1"}}`, `{"n":1}`, `"status":409`},
		{`{"index":{"_index":"a","_id":"1"}}`, `{"n":2.5}`, `"result":"updated"`},
		{`{"index":{"_index":"a","_id":"2","op_type":"create"}}`, `{"n":"3"}`, `{"create":`},
		{`{"create":{"_index":"a"}}`, `{"o.s":"dotted","n":null}`, `"status":201`},
		{`{"delete":{"_index":"a","_id":"2"}}`, ``, `"result":"deleted"`},
		{`{"delete":{"_index":"a","_id":"2"}}`, ``, `"status":404`},
		{`{"create":{"_index":"A"}}`, `{}`, `must be lowercase`},
		{`{"create":{"_index":"a/b"}}`, `{}`, `invalid_index_name_exception`},
		{`{"create":{"_index":"_a"}}`, `{}`, `must not start with`},
		{`{"create":{"_index":".."}}`, `{}`, `must not be`},
		{`{"create":{"_index":"a#"}}`, `{}`, `must not contain '#'`},
		{`{"create":{"_index":"a:"}}`, `{}`, `must not contain ':'`},
		{`{"create":{"_index":"` + long + `"}}`, `{}`, `too long`},
		{`{"create":{"_index":"a","_id":"` + long + `"}}`, `{}`, `must be no longer than 512 bytes but was: 513`},
		{`{"create":{"_index":"a","pipeline":"p"}}`, `{}`, `"status":201`},
		{`{"create":{"_index":"a","pipeline":"q"}}`, `{}`, `pipeline with id [q] does not exist`},
		{`{"create":{"_index":"a"}}`, `[]`, `a document is an object`},
		{`{"create":{"_index":"a"}}`, `{"n":1`, `failed to parse`},
		{`{"create":{"_index":"a"}}`, "{\"u\":\"\uFFFD\"}", `"status":201`},
		{`{"create":{"_index":"a"}}`, "{\"u\":\"a\xff\"}", `[1:8] failed to parse: Invalid UTF-8 start byte 0xff`},
		{`{"create":{"_index":"a"}}`, `{} {}`, `more than one value`},
		{`{"create":{"_index":"a"}}`, `{"b":1,"b":2}`, `Duplicate field 'b'`},
		{`{"create":{"_index":"a"}}`, `{"_id":"1"}`, `Field [_id] is a metadata field`},
		{`{"create":{"_index":"a"}}`, `{"":1}`, `cannot be empty`},
		{`{"create":{"_index":"a"}}`, `{"n":"text"}`, `failed to parse field [n] of type [long]`},
		{`{"create":{"_index":"a"}}`, `{"n":{}}`, `of type [long]`},
		{`{"create":{"_index":"a"}}`, `{"o":1}`, `but found a concrete value`},
		{`{"create":{"_index":"a"}}`, `{"at":"yesterday"}`, `of type [date]`},
		{`{"create":{"_index":"a"}}`, `{"yes":"no"}`, `of type [boolean]`},
		{`{"create":{"_index":"stream"}}`, `{"n":1}`, `timestamp field [@timestamp] is missing`},
		{`{"create":{"_index":"stream"}}`, `{"@timestamp":"2024-02-29T12:00:00.123456789Z"}`, `"_index":".ds-stream-`},
		{`{"create":{"_index":"stream"}}`, `{"@timestamp":"noon"}`, `of type [date]`},
		{`{"index":{"_index":"stream"}}`, `{"@timestamp":1}`, `only write ops with an op_type of create`},
	}
	var body strings.Builder
	for _, test := range tests {
		body.WriteString(test.action + "\n")
		if test.source != "" {
			body.WriteString(test.source + "\r\n")
		}
	}
	status, answer := ask(t, s, "PUT", "/_bulk", body.String())
	want(t, "all", status, answer, 200, `"errors":true`)
	var v struct{ Items []json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &v); err != nil || len(v.Items) != len(tests) {
		t.Fatalf("%v: %d items", err, len(v.Items))
	}
	for i, test := range tests {
		if !strings.Contains(string(v.Items[i]), test.want) {
			t.Errorf("%s %s: %s, want %s", test.action, test.source, v.Items[i], test.want)
		}
	}
}

func TestFieldsAreLimited(t *testing.T) {
	var b strings.Builder
	for i := range maxFields + 1 {
		fmt.Fprintf(&b, `,"f%d":1`, i)
	}
	_, answer := ask(t, new(Server), "POST", "/a/_bulk", "{\"create\":{}}\n{"+b.String()[1:]+"}\n"+"{\"create\":{}}\n{\"other\":1}\n")
	want(t, "fields", 200, answer, 200, "Limit of total fields [1000]", `"status":201`)
}

func TestIndexIsNotMadeIfThatIsForbidden(t *testing.T) {
	status, answer := ask(t, &Server{NoCreate: true}, "POST", "/_bulk", one)
	want(t, "index", status, answer, 200, `"status":404`, "index_not_found_exception")
}

func TestAnswersAreFiltered(t *testing.T) {
	s := new(Server)
	tests := []struct{ path, want string }{
		{"errors,items.*.status", `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409}}]}`},
		{"items.*.error.type", `{"items":[{"create":{"error":{"type":"version_conflict_engine_exception"}}},{"create":{"error":{"type":"version_conflict_engine_exception"}}}]}`},
		{"**.status", `{"items":[{"create":{"status":409}},{"create":{"status":409}}]}`},
		{"took.*", `{}`},
		{"x*", `{}`},
		{"t*", `{"took":1}`},
	}
	for _, test := range tests {
		if _, answer := ask(t, s, "POST", "/_bulk?filter_path="+test.path, one+one); answer != test.want {
			t.Errorf("%s: %s, want %s", test.path, answer, test.want)
		}
	}
	if _, answer := ask(t, s, "POST", "/_bulk?filter_path=errors,error.type", "x"); answer != `{"error":{"type":"illegal_argument_exception"}}` {
		t.Errorf("an error: %s", answer)
	}
	status, answer := ask(t, s, "POST", "/_bulk?filter_path=-took", one)
	want(t, "exclusions", status, answer, 501)
}

func TestCredentialsAreWanted(t *testing.T) {
	s := &Server{Users: map[string]string{"u": "p"}, APIKeys: []string{"a2V5"}}
	tests := []struct {
		authorization string
		status        int
	}{
		{"", 401}, {"Basic dTpw", 200}, {"Basic dTpx", 401}, {"ApiKey a2V5", 200}, {"ApiKey x", 401}, {"Bearer a2V5", 401},
	}
	for _, test := range tests {
		status, answer := ask(t, s, "GET", "/", "", "Authorization", test.authorization)
		want(t, test.authorization, status, answer, test.status)
	}
}

func TestWhatWasWrittenCanBeRead(t *testing.T) {
	s := new(Server)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(one))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	const clients = "application/vnd.elasticsearch+x-ndjson;compatible-with=8"
	status, answer := ask(t, s, "POST", "/_bulk", zipped.String(), "Content-Encoding", "gzip", "Content-Type", clients)
	want(t, "gzip", status, answer, 200, `"errors":false`)
	for target, part := range map[string]string{"/a/_doc/1": `"_source":{"n":1}`, "/a/_count": `"count":1`, "/_count": `"count":1`, "/*/_count": `"count":1`, "/x*/_count": `"count":0`, "/a/_refresh": `"_shards"`, "/": `"number":"8`} {
		status, answer := ask(t, s, "GET", target, "")
		want(t, target, status, answer, 200, part)
	}
	for _, target := range []string{"/a/_doc/2", "/b/_doc/1", "/b/_count"} {
		status, answer := ask(t, s, "GET", target, "")
		want(t, target, status, answer, 404)
	}
	if status, answer := ask(t, s, "HEAD", "/", ""); status != 200 || answer != "" {
		t.Errorf("HEAD: %d %s", status, answer)
	}
	if d := s.Documents(); len(d) != 1 || d[0] != (Document{"a", "1", `{"n":1}`}) || s.Count("a") != 1 || s.Count("b") != 0 {
		t.Errorf("%+v", d)
	}
}
