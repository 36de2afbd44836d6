package encode_test

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fapilog/fapilog/encode"
)

func ExampleEncoder_AppendRecord() {
	e, err := encode.New(encode.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	e = e.WithAttrs([]slog.Attr{slog.String("service", "billing")})
	r := slog.NewRecord(time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC), slog.LevelError, "cannot connect to postgres://app:s3cret@db/bills", 0)
	r.AddAttrs(slog.Any("err", errors.New("timeout")), slog.Group("user", "name", "ada", "password", "lovelace"))
	fmt.Printf("%s\n", e.AppendRecord(nil, &r, nil))
	// Output: {"time":"2024-05-01T12:00:00Z","level":"ERROR","msg":"cannot connect to postgres://app:***@db/bills","service":"billing","err":"timeout","user":{"name":"ada","password":"***"}}
}

func ExampleEncoder_AppendObject() {
	e, err := encode.New(encode.Options{Redact: encode.Redact{Keys: []string{"ssn"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	line, ok := e.AppendObject(nil, []byte(`{"level":"info", "user":{"SSN":"078-05-1120","api-key":["k1"]}}`))
	fmt.Printf("%s %v\n", line, ok)
	_, ok = e.AppendObject(nil, []byte(`level=info user=ada`))
	fmt.Println(ok)
	// Output:
	// {"level":"info", "user":{"SSN":"***","api-key":"***"}} true
	// false
}

func ExampleEncoder_AppendLine() {
	e, err := encode.New(encode.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	line := []byte("the head of a line")
	fmt.Printf("%s\n", e.AppendLine(nil, time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC), slog.LevelInfo, line, 1<<20))
	// Output: {"time":"2024-05-01T12:00:00Z","level":"INFO","msg":"the head of a line","truncated":true,"original_size":1048576}
}
