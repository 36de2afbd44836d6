package otlp_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
	"github.com/fapilog/fapilog/sink/otlp"
)

// answering is a collector that always answers so, and keeps nothing.
func answering(t *testing.T, status int, kind, body string) *collector {
	c := collect(t)
	c.answer = func(w http.ResponseWriter, _ request) bool {
		w.Header()["Content-Type"] = []string{kind}
		if kind == "" {
			w.Header()["Content-Type"] = nil
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
	return c
}

func records(n int) (batch []sink.Record) {
	for i := range n {
		batch = append(batch, sink.Record{ID: sink.ID{Seq: uint64(i + 1)}, Time: noon, JSON: fmt.Appendf(nil, `{"n":%d}`, i+1)})
	}
	return batch
}

// verdictOf returns what err means for a batch.
func verdictOf(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case !errors.As(err, &e):
		return sink.Retry.String()
	case len(e.Items) > 0:
		return "items"
	}
	return e.Verdict.String()
}

func TestEveryStatusHasItsVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		status := 0
		server.answer = func(w http.ResponseWriter, _ request) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			if status != 204 && status != 304 {
				io.WriteString(w, `{}`)
			}
			return true
		}
		s := open(t, server.config())
		table := otlp.Table()
		for status = 200; status < 600; status++ {
			row := table[slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })]
			err := write(t, s, records(3)...)
			if got := verdictOf(err); got != row.Outcome() {
				t.Errorf("%d is %s, want %s", status, got, row.Outcome())
			}
			if err != nil && !strings.HasPrefix(err.Error(), fmt.Sprintf("otlp: %d", status)) {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
}

func TestOnlyAnOTLPServerCanSucceed(t *testing.T) {
	for _, test := range []struct {
		name       string
		status     int
		kind, body string
		want       string   // the verdict
		says       []string // the error
	}{
		{"the answer of the specification", 200, "application/json", `{"partialSuccess":{}}`, "delivered", nil},
		{"with parameters and space", 200, "Application/JSON; charset=utf-8", "\n{}\n", "delivered", nil},
		{"with null and what nobody knows yet", 200, "application/json", `{"partialSuccess":null,"new":[1]}`, "delivered", nil},
		{"nothing is refused, and there is a warning", 200, "application/json", `{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"deprecated"}}`, "delivered", nil},
		{"a negative number", 200, "application/json", `{"partialSuccess":{"rejectedLogRecords":-3}}`, "delivered", nil},
		{"no content", 204, "", ``, "delivered", nil},
		{"a page of HTML", 200, "text/html", `<html>log in</html>`, "retry", []string{"text/html instead of application/json", "log in"}},
		{"HTML that says it is JSON", 200, "application/json", `<html>`, "retry", []string{"not OTLP's"}},
		{"protobuf", 200, "application/x-protobuf", ``, "retry", []string{"application/x-protobuf"}},
		{"no content type", 200, "", `{}`, "retry", []string{"no content type"}},
		{"no body", 200, "application/json", ``, "retry", []string{"not OTLP's"}},
		{"half a body", 200, "application/json", `{"partialSuccess":{"rej`, "retry", []string{"not OTLP's"}},
		{"no object", 200, "application/json", `null`, "retry", []string{"not OTLP's"}},
		{"a list", 200, "application/json", `[]`, "retry", []string{"not OTLP's"}},
		{"two objects", 200, "application/json", `{}{}`, "retry", []string{"not OTLP's"}},
		{"a number that is none", 200, "application/json", `{"partialSuccess":{"rejectedLogRecords":"many"}}`, "retry", []string{"not OTLP's"}},
		{"a number out of range", 200, "application/json", `{"partialSuccess":{"rejectedLogRecords":"99999999999999999999"}}`, "retry", []string{"a number of rejected records that is none"}},
		{"an answer that is too long", 200, "application/json", `{"a":"` + strings.Repeat("x", 70<<10) + `"}`, "retry", []string{"did not end within 64KiB"}},
		{"the reason of a refusal", 400, "application/json", `{"code":3,"message":"field n: \"1\"\nis odd","details":[]}`, "rejected", []string{`400 Bad Request: field n: "1" is odd`}},
		{"a request that is too large for a collector", 400, "application/json", `{"code":3,"message":"http: request body too large"}`, "too_large", []string{"400 Bad Request: http: request body too large"}},
		{"the reason of a proxy", 502, "text/html", `<h1>Bad Gateway</h1>`, "retry", []string{"502 Bad Gateway: <h1>Bad Gateway</h1>"}},
		{"another method wanted", 405, "text/plain", ``, "park", []string{"405 Method Not Allowed"}},
		{"another type wanted", 415, "application/json", `{"message":"unsupported content type"}`, "park", []string{"415 Unsupported Media Type: unsupported content type"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := write(t, open(t, answering(t, test.status, test.kind, test.body).config()), records(3)...)
				if got := verdictOf(err); got != test.want {
					t.Errorf("%s: %v, want %s", got, err, test.want)
				}
				for _, want := range test.says {
					if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("%q does not say %q", err, want)
					}
				}
			})
		})
	}
}

func TestRefusedRecordsAreTheLastOnes(t *testing.T) {
	for _, test := range []struct {
		answer string
		want   []int
		says   string
	}{
		{`{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}`, []int{3, 4}, "otlp: 2 of 5 records were refused, the server does not say which; the last ones of the batch stand for them: too old"},
		{`{"partialSuccess":{"rejectedLogRecords":1}}`, []int{4}, "otlp: 1 of 5 records were refused, the server does not say which; the last ones of the batch stand for them"},
		{`{"partialSuccess":{"rejectedLogRecords":"5","errorMessage":"a\nb"}}`, []int{0, 1, 2, 3, 4}, "otlp: 5 of 5 records were refused: a b"},
		{`{"partialSuccess":{"rejectedLogRecords":"9223372036854775807"}}`, []int{0, 1, 2, 3, 4}, "otlp: 5 of 5 records were refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := write(t, open(t, answering(t, 200, "application/json", test.answer).config()), records(5)...)
			var e *sink.Error
			if !errors.As(err, &e) || err.Error() != test.says {
				t.Fatalf("%v, want %s", err, test.says)
			}
			var got []int
			for _, item := range e.Items {
				if got = append(got, item.Index); item.Verdict != sink.Rejected {
					t.Errorf("%+v", item)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		p := open(t, server.config()).(sink.Pinger)
		ctx, cancel := contextFor(t, time.Minute)
		defer cancel()
		if err := p.Ping(ctx); err != nil || len(server.requests) != 1 || len(server.requests[0].Records) != 0 {
			t.Errorf("%v after %v", err, server.requests)
		}
		server.answer = answering(t, 503, "", "").answer
		if err := p.Ping(ctx); err == nil || err.Error() != "otlp: 503 Service Unavailable" {
			t.Errorf("the error is %v", err)
		}
		server.Close()
		server.answer = func(http.ResponseWriter, request) bool { panic(http.ErrAbortHandler) }
		if err := p.Ping(ctx); err == nil || !strings.HasPrefix(err.Error(), "otlp: no answer from collector:4318: ") {
			t.Errorf("the error is %v", err)
		}
	})
}

// A compressed answer is read like any, and one that is endless when it is decompressed ends.
func TestCompressedAnswers(t *testing.T) {
	for n, want := range map[int]string{0: "delivered", 100 << 20: "retry"} {
		synctest.Test(t, func(t *testing.T) {
			server := collect(t)
			server.answer = func(w http.ResponseWriter, _ request) bool {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				io.WriteString(z, `{"a":"`)
				for i := 0; i < n; i += 1 << 20 {
					if _, err := z.Write(make([]byte, 1<<20)); err != nil {
						return true
					}
				}
				io.WriteString(z, `"}`)
				z.Close()
				return true
			}
			if got := verdictOf(write(t, open(t, server.config()), records(1)...)); got != want {
				t.Errorf("%d bytes: %s, want %s", n, got, want)
			}
		})
	}
}
