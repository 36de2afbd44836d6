package otlp_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/otlp"
)

func ExampleNew() {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Content-Type"))
		fmt.Println(strings.ReplaceAll(string(body), `"scopeLogs"`, "\n\"scopeLogs\""))
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{}`)
	}))
	defer collector.Close()

	u, err := url.Parse(collector.URL + "/v1/logs")
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := otlp.New(otlp.Config{
		Endpoint: otlp.Endpoint{URL: u},
		Resource: map[string]string{"service.name": "shop"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	err = s.Write(context.Background(), []sink.Record{{
		Time: time.Unix(1700000000, 0), Level: slog.LevelWarn,
		JSON: []byte(`{"time":"2023-11-14T22:13:20Z","level":"WARN","msg":"hello","user":7}`),
	}})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// POST /v1/logs application/json
	// {"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
	// "scopeLogs":[{"scope":{"name":"github.com/fapilog/fapilog"},"logRecords":[{"timeUnixNano":"1700000000000000000","observedTimeUnixNano":"1700000000000000000","severityNumber":13,"severityText":"WARN","body":{"stringValue":"hello"},"attributes":[{"key":"user","value":{"intValue":"7"}}]}]}]}]}
}

// The same by its URI, as in FAPILOG_SINKS.
func Example() {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"code":3,"message":"no logs on Sundays"}`)
	}))
	defer collector.Close()

	uri := strings.Replace(collector.URL, "http://", "otlp://", 1) + "?resource=service.name=shop&env=false"
	s, err := sink.Open(context.Background(), uri)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Write(context.Background(), []sink.Record{{JSON: []byte(`{"msg":"hello"}`)}}))
	// Output:
	// otlp: 400 Bad Request: no logs on Sundays
}
