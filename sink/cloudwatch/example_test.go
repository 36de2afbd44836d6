package cloudwatch_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/cloudwatch"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
)

func ExampleNew() {
	service := new(cwtest.Server)
	server := httptest.NewServer(service)
	defer server.Close()

	s, err := cloudwatch.New(cloudwatch.Config{
		Group:       "/ecs/api",
		Stream:      "web-1",
		Region:      cwtest.Region,
		Create:      true,
		Endpoint:    server.URL, // of AWS itself without
		Credentials: credentials.NewStaticCredentialsProvider(cwtest.AccessKey, cwtest.SecretKey, ""),
	})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = s.Write(ctx, []sink.Record{{Time: time.Now(), JSON: []byte(`{"msg":"hello"}`)}})
	fmt.Println(service.Events("/ecs/api", "web-1")[0].Message, err)
	// Output:
	// {"msg":"hello"} <nil>
}

// A program imports the package for its scheme, and configures it by a URI: in code, or in
// FAPILOG_SINKS.
func Example() {
	p, err := fapilog.Open(context.Background(), "cloudwatch://app/web-1?region=eu-central-1")
	if err != nil {
		panic(err)
	}
	defer p.Close(context.Background())
	fmt.Println(p.Stats().Sinks[0].Name)
	// Output:
	// cloudwatch
}
