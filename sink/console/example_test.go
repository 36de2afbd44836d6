package console_test

import (
	"context"
	"os"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/console"
)

func ExampleNew() {
	s, err := console.New(console.Config{File: os.Stdout, Format: console.Logfmt})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	batch := []sink.Record{{JSON: []byte(`{"level":"INFO","msg":"listening","addr":":8080"}`)}}
	if err := s.Write(context.Background(), batch); err != nil {
		panic(err)
	}
	// Output: level=INFO msg=listening addr=:8080
}
