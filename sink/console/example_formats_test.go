package console_test

import (
	"context"
	"os"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/console"
)

// The same record in each format. Auto is Pretty on a terminal, and JSON elsewhere.
func ExampleConfig() {
	record := []sink.Record{{JSON: []byte(`{"level":"WARN","msg":"disk 90% full","mount":"/"}`)}}
	for _, format := range []string{console.JSON, console.Logfmt, console.Pretty} {
		s, err := console.New(console.Config{File: os.Stdout, Format: format})
		if err != nil {
			panic(err)
		}
		if err := s.Write(context.Background(), record); err != nil {
			panic(err)
		}
		if err := s.Close(); err != nil {
			panic(err)
		}
	}
	// Output:
	// {"level":"WARN","msg":"disk 90% full","mount":"/"}
	// level=WARN msg="disk 90% full" mount=/
	// WARN  disk 90% full mount=/
}
