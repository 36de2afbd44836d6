package admin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/admin"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// A program that serves other things as well gives the handler an address of its
// own, or a path that only the right people reach.
func ExampleHandler() {
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes: []fapilog.Route{{Name: "audit", Sink: new(sinktest.Memory)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close(context.Background())

	mux := http.NewServeMux()
	mux.Handle("/log/", http.StripPrefix("/log", admin.Handler(p)))
	server := httptest.NewServer(mux) // else: http.Server{Addr: "127.0.0.1:9090", …}
	defer server.Close()

	for _, path := range []string{"/log/readyz", "/log/level"} {
		answer, err := http.Get(server.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		fmt.Printf("%d %s", answer.StatusCode, body)
	}
	// Output:
	// 200 {"state":"open"}
	// 200 {"audit":"INFO"}
}
