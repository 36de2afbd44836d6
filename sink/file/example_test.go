package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/file"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "logs", "app.jsonl")

	s, err := file.New(file.Config{Path: path})
	if err != nil {
		panic(err)
	}
	if err := s.Write(context.Background(), []sink.Record{{JSON: []byte(`{"msg":"hello"}`)}}); err != nil {
		panic(err)
	}
	if err := s.Close(); err != nil {
		panic(err)
	}
	written, err := os.ReadFile(path)
	fmt.Printf("%s%v\n", written, err)
	// Output:
	// {"msg":"hello"}
	// <nil>
}
