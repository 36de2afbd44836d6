package elasticsearch_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/elasticsearch"
	"github.com/fapilog/fapilog/sink/elasticsearch/estest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

func ExampleNew() {
	network := pipe.Listen()
	fake := &estest.Server{APIKeys: []string{"aWQ6a2V5"}}
	server := &http.Server{Handler: fake}
	go server.Serve(network)
	defer server.Close()

	c := elasticsearch.Config{Index: "app-{env}-%Y.%m", APIKey: "aWQ6a2V5"}
	c.URL = &url.URL{Scheme: "http", Host: "es:9200"}
	c.Dial = network.Dial // for this example
	s, err := elasticsearch.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err = s.Write(ctx, []sink.Record{{
		Time: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
		JSON: []byte(`{"msg":"hello","env":"Prod"}`),
	}})
	fmt.Println(err)
	for _, d := range fake.Documents() {
		fmt.Println(d.Index, d.Source)
	}
	// Output:
	// <nil>
	// app-prod-2024.02 {"@timestamp":"2024-02-29T12:00:00Z","msg":"hello","env":"Prod"}
}
