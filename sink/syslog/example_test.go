package syslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/syslog"
)

func ExampleNew() {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer server.Close()

	s, err := syslog.New(syslog.Config{
		Host:      "127.0.0.1",
		Port:      server.LocalAddr().(*net.UDPAddr).Port,
		Transport: syslog.UDP,
		Facility:  "local3",
		Hostname:  "web-1",
		AppName:   "api",
		ProcID:    "4711",
		Message:   syslog.Msg,
		Fields:    sink.List{"request_id"},
	})
	if err != nil {
		panic(err)
	}
	defer s.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = s.Write(ctx, []sink.Record{{
		Time: time.Unix(1700000000, 42000), Level: slog.LevelWarn, JSON: []byte(`{"msg":"slow","request_id":"r-7"}`),
	}})
	if err != nil {
		panic(err)
	}
	buffer := make([]byte, 2048)
	n, _, err := server.ReadFrom(buffer)
	fmt.Println(string(buffer[:n]), err)
	// Output:
	// <156>1 2023-11-14T22:13:20.000042Z web-1 api 4711 - [fields@32473 request_id="r-7"] slow <nil>
}

// A program imports the package for its scheme, and configures it by a URI: in code, or
// in FAPILOG_SINKS.
func Example() {
	p, err := fapilog.Open(context.Background(), "syslog://localhost?transport=udp&facility=local0&fields=request_id")
	if err != nil {
		panic(err)
	}
	defer p.Close(context.Background())
	fmt.Println(p.Stats().Sinks[0].Name)
	// Output:
	// syslog
}
