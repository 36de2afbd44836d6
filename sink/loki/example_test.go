package loki_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/loki"
)

func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("%s for %s\n%s\n", r.URL, r.Header.Get("X-Scope-OrgID"), body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()

	address, err := url.Parse(server.URL)
	if err != nil {
		panic(err)
	}
	s, err := loki.New(loki.Config{
		Endpoint:       loki.Endpoint{URL: address},
		Tenant:         "team-a",
		Labels:         sink.List{"app=api"},
		LabelFields:    sink.List{"level"},
		MetadataFields: sink.List{"trace_id"},
	})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = s.Write(ctx, []sink.Record{{Time: time.Unix(1700000000, 42), JSON: []byte(`{"msg":"hello","trace_id":"4bf9"}`)}})
	fmt.Println(err)
	// Output:
	// /loki/api/v1/push for team-a
	// {"streams":[{"stream":{"app":"api","level":"info"},"values":[["1700000000000000042","{\"msg\":\"hello\",\"trace_id\":\"4bf9\"}",{"trace_id":"4bf9"}]]}]}
	// <nil>
}

// A program imports the package for its scheme, and configures it by a URI: in code, or
// in FAPILOG_SINKS.
func Example() {
	p, err := fapilog.Open(context.Background(), "loki://localhost:3100?labels=app=api,env=dev&label-fields=level")
	if err != nil {
		panic(err)
	}
	defer p.Close(context.Background())
	fmt.Println(p.Stats().Sinks[0].Name)
	// Output:
	// loki
}
