package fapilog_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// untimed leaves the time out, so that the output is always the same.
func untimed(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

func ExampleOpen() {
	p, err := fapilog.Open(context.Background(), "stderr", "file:/var/log/app.jsonl?level=warn&on-full=block")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer p.Close(context.Background())
	slog.SetDefault(p.Logger())
}

func ExampleNew() {
	shout := sink.Func(func(ctx context.Context, batch []sink.Record) error {
		for _, r := range batch {
			fmt.Printf("%s\n", r.JSON)
		}
		return nil
	})
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "shout", Sink: shout}},
		ReplaceAttr: untimed,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Logger().Info("signed in", "user", "ada", "password", "lovelace")

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		fmt.Println(err)
	}
	k := p.Stats().Sinks[0]
	fmt.Println(k.Name, "has", k.Delivered, "of", k.Appended)
	// Output:
	// {"level":"INFO","msg":"signed in","user":"ada","password":"***"}
	// shout has 1 of 1
}

func ExamplePipeline_WriteLine() {
	p, err := fapilog.Open(context.Background(), "stdout?format=json")
	if err != nil {
		fmt.Println(err)
		return
	}
	line := []byte(`{"ts":1700000000,"lvl":"warn","message":"disk 90% full","api_key":"k-1"}`)
	if err := p.WriteLine(context.Background(), line, int64(len(line))); err != nil {
		fmt.Println(err)
	}
	if err := p.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: {"ts":1700000000,"lvl":"warn","message":"disk 90% full","api_key":"***"}
}
