package httpheader

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

func TestHeadersAreParsed(t *testing.T) {
	for _, test := range []struct {
		list string
		want http.Header // nil: an error
	}{
		{"", http.Header{}},
		{"a:b", http.Header{"A": {"b"}}},
		{" x-a : b c ,, X-A:d,x-b:", http.Header{"X-A": {"b c", "d"}, "X-B": {""}}},
		{`a:b\,c,d:\\,e:\n`, http.Header{"A": {"b,c"}, "D": {`\`}, "E": {`\n`}}},
		{"a:b:c", http.Header{"A": {"b:c"}}},
		{"a:é", http.Header{"A": {"é"}}},
		{"a", nil},
		{"a:b,c", nil},
		{":b", nil},
		{"a b:c", nil},
		{"a:b\nc: d", nil},
		{"transfer-encoding:chunked", nil},
		{"Proxy-Authorization:x", nil},
	} {
		got, err := Parse(sink.Secret(test.list))
		if (err == nil) != (test.want != nil) {
			t.Errorf("%q: %v", test.list, err)
			continue
		}
		for name, values := range test.want {
			if strings.Join(got[name], "|") != strings.Join(values, "|") || len(got) != len(test.want) {
				t.Errorf("%q is %q, want %q", test.list, got, test.want)
			}
		}
	}
}
