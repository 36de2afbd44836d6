package otlp_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/otlp"
)

// FuzzRecord: whatever a record holds, a request with it is one that every collector can
// decode.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{"time":"2026-05-04T12:00:00Z","level":"INFO","msg":"x","a":1}`, `{"a":[1,{"b":[]}],"c":-0.5e+3}`, `{"a":tru,"b":01,"c":"\ud800"}`,
		"{\"\xff\":\"\x00\\", `{"a":[1,2`, `{"a":{"a":1,"a":2}}`, `{"trace_id":"` + traceID + `","span_id":"` + spanID + `","trace_flags":1}`, ``, `[]`, `{"a":-}`, `{"a":nul}`,
	} {
		f.Add([]byte(seed), int64(0), 0)
	}
	f.Fuzz(func(t *testing.T, line []byte, seconds int64, level int) {
		r := sink.Record{ID: sink.ID{Seq: 1}, Time: time.Unix(seconds, 5), JSON: line}
		body := otlp.RequestForTest([]sink.Record{r, r})
		if !json.Valid(body) {
			t.Fatalf("%q becomes %s", line, body)
		}
		q, err := decode(body)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if len(q.Records) != 2 || !reflect.DeepEqual(q.Records[0], q.Records[1]) {
			t.Errorf("%q becomes %+v", line, q.Records)
		}
	})
}

// FuzzValue: a collector sees the values that the JSON has.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{
		`null`, `true`, `"a\u00e9\n\u0000\ud83d\ude00"`, `-0`, `1e5`, `12345678901234567890`, `[1,"a",[null,{}]]`, `{"a":{"b":[{"c":1.5}]},"a":2}`, ` [ 1 , 2 ] `, `"\u2028"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		want, ok := expected(value)
		if !ok {
			return
		}
		q, err := decode(otlp.RequestForTest([]sink.Record{{JSON: []byte(`{"value":` + value + `}`)}}))
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		if got := q.Records[0].Attributes["value"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s becomes %#v, want %#v", value, got, want)
		}
	})
}

// expected returns what a collector is to see of a JSON value, by encoding/json; ok: there is
// something to compare.
func expected(value string) (want any, ok bool) {
	if !json.Valid([]byte(value)) || strings.Count(value, "[")+strings.Count(value, "{") > 23 {
		return nil, false // deeper values become text
	}
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	if d.Decode(&want) != nil {
		return nil, false
	}
	return mapped(want)
}

func mapped(v any) (want any, ok bool) {
	switch v := v.(type) {
	case json.Number:
		return mappedNumber(v.String()), true
	case []any:
		items := make([]any, len(v))
		for i := range v {
			if items[i], ok = mapped(v[i]); !ok {
				return nil, false
			}
		}
		return items, true
	case map[string]any:
		object := make(map[string]any)
		for key, value := range v {
			if key == "" {
				key = "_"
			}
			if _, again := object[key]; again {
				return nil, false // which of "" and "_" comes last is not known any more
			}
			if object[key], ok = mapped(value); !ok {
				return nil, false
			}
		}
		return object, true
	}
	return v, true
}

func mappedNumber(s string) any {
	if !strings.ContainsAny(s, ".eE") && s != "-0" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
		return s
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) {
		return f
	}
	return s
}
