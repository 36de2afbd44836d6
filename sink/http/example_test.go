package http_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/fapilog/fapilog/sink"
	httpsink "github.com/fapilog/fapilog/sink/http"
)

func ExampleNew() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("%s %s %s %s\n", r.Method, r.RequestURI, r.Header.Get("Authorization"), body)
	}))
	defer server.Close()

	var c httpsink.Config
	c.URL, _ = url.Parse(server.URL + "/in")
	c.BearerToken = "t0ken"
	c.Body = httpsink.Wrapped
	c.AddHeader("X-Tenant", "blue")
	s, err := httpsink.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Write(context.Background(), []sink.Record{{JSON: []byte(`{"msg":"hello"}`)}}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// POST /in Bearer t0ken {"records":[{"msg":"hello"}]}
}

// The same by its URI.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("%s %s %s", r.Method, r.RequestURI, body)
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()

	s, err := sink.Open(context.Background(), server.URL+"/in?method=PUT&query=source%3Dapp")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	fmt.Println(s.Write(context.Background(), []sink.Record{{JSON: []byte(`{"msg":"hello"}`)}}))
	// Output:
	// PUT /in?source=app {"msg":"hello"}
	// http: 429 Too Many Requests
}
