package fapilog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// printing is a sink that prints its records behind its name.
func printing(name string) sink.Sink {
	return sink.Func(func(_ context.Context, batch []sink.Record) error {
		for _, r := range batch {
			fmt.Printf("%s: %s\n", name, r.JSON)
		}
		return nil
	})
}

// A program that adds a sink of its own to those of the environment.
func ExampleConfigFromEnv() {
	os.Setenv("FAPILOG_SINKS", "stdout://?format=logfmt")
	os.Setenv("FAPILOG_LEVEL", "warn")
	defer os.Unsetenv("FAPILOG_SINKS")
	defer os.Unsetenv("FAPILOG_LEVEL")

	cfg, err := fapilog.ConfigFromEnv()
	if err != nil {
		fmt.Println(err) // all mistakes together
		return
	}
	cfg.Routes = append(cfg.Routes, fapilog.Route{Name: "mine", Sink: sink.Func(func(context.Context, []sink.Record) error { return nil })})
	cfg.ReplaceAttr = untimed
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Logger().Info("not wanted")
	p.Logger().Warn("disk almost full", "free", "3%")
	if err := p.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, k := range p.Stats().Sinks {
		fmt.Println(k.Name, k.Delivered)
	}
	// Output:
	// level=WARN msg="disk almost full" free=3%
	// stdout 1
	// mine 1
}

// All mistakes of a configuration are reported together, before anything is opened.
func ExampleConfigError() {
	_, err := fapilog.Open(context.Background(), "fiel:app.jsonl", "stdout?levl=warn")
	var mistakes *fapilog.ConfigError
	fmt.Println(errors.As(err, &mistakes))
	fmt.Println(err)
	// Output:
	// true
	// fapilog: 2 mistakes in the configuration
	// 	sink 1: unknown scheme "fiel" (did you mean "file"?)
	// 	sink 2: unknown parameter "levl" of stdout (did you mean "level"?)
}

type userKey struct{}

// Attributes that every record with a request's context has.
func ExampleConfig_context() {
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "print", Sink: printing("print")}},
		ReplaceAttr: untimed,
		Context: func(ctx context.Context) []slog.Attr {
			if user, ok := ctx.Value(userKey{}).(string); ok {
				return []slog.Attr{slog.String("user", user)}
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.WithValue(context.Background(), userKey{}, "ada")
	p.Logger().InfoContext(ctx, "signed in")
	if err := p.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: print: {"level":"INFO","msg":"signed in","user":"ada"}
}

// A sink that gets the records with one attribute, whatever the others get.
func ExampleRoute_filter() {
	audited := func(r sink.Record) bool {
		for key, value := range encode.Fields(r.JSON) {
			if key.Is("audit") {
				return string(value) == "true"
			}
		}
		return false
	}
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "audit", Sink: printing("audit"), Filter: audited}},
		ReplaceAttr: untimed,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Logger().Info("page shown")
	p.Logger().Info("order cancelled", "audit", true)
	if err := p.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	k := p.Stats().Sinks[0]
	fmt.Println(k.Appended, "=", k.Filtered, "filtered +", k.Delivered, "delivered")
	// Output:
	// audit: {"level":"INFO","msg":"order cancelled","audit":true}
	// 2 = 1 filtered + 1 delivered
}

// The end of a program: what is left has so much time, and the error names it.
func ExamplePipeline_Close() {
	dead := sink.Func(func(context.Context, []sink.Record) error { return errors.New("connection refused") })
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "archive", Sink: dead}},
		Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Logger().Info("one")
	p.Logger().Info("two")

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = p.Close(ctx) // returns early: one more attempt, and the sink has given up
	fmt.Println(err)
	var left *fapilog.UndeliveredError
	if errors.As(err, &left) {
		fmt.Println(left.Sinks[0].Name, left.Sinks[0].Pending)
	}
	// Output:
	// fapilog: not everything was delivered: archive has 2 records left (connection refused)
	// archive 2
}

// Flush waits until the sinks have what was logged so far; the pipeline goes on.
func ExamplePipeline_Flush() {
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "print", Sink: printing("print")}},
		ReplaceAttr: untimed,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close(context.Background())
	p.Logger().Info("checkpoint")
	if err := p.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("it is there")
	// Output:
	// print: {"level":"INFO","msg":"checkpoint"}
	// it is there
}

// In place of os.Exit and log.Fatal, which deliver nothing of a journal in memory.
func ExamplePipeline_Exit() {
	p, err := fapilog.Open(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	p.Logger().Error("cannot go on")
	p.Exit(1)
}

// The ledger: for every sink the terms add up.
func ExamplePipeline_Stats() {
	picky := sink.Func(func(_ context.Context, batch []sink.Record) error {
		for i, r := range batch {
			if strings.Contains(string(r.JSON), "poison") {
				return &sink.Error{Items: []sink.ItemError{{Index: i, Verdict: sink.Rejected, Err: errors.New("400 Bad Request")}}}
			}
		}
		return nil
	})
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "picky", Sink: picky}},
		Diagnostics: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, message := range []string{"bread", "poison", "water"} {
		p.Logger().Info(message)
	}
	p.Logger().Debug("below the level of every sink: not even encoded")
	if err := p.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	stats := p.Stats()
	k := stats.Sinks[0]
	fmt.Println("appended", k.Appended)
	fmt.Println("delivered", k.Delivered)
	fmt.Println("dropped", k.Dropped)
	fmt.Println("complete", stats.Complete())
	// Output:
	// appended 3
	// delivered 2
	// dropped map[rejected:1]
	// complete false
}

// More of one sink for a while, without a restart.
func ExamplePipeline_SetLevel() {
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "print", Sink: printing("print")}},
		ReplaceAttr: untimed,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	p.Logger().Debug("not wanted")
	if err := p.SetLevel("print", slog.LevelDebug); err != nil {
		fmt.Println(err)
	}
	p.Logger().Debug("wanted")
	if err := p.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	if err := p.SetLevel("print", nil); err != nil { // as configured
		fmt.Println(err)
	}
	p.Logger().Debug("not wanted any more")
	if err := p.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: print: {"level":"DEBUG","msg":"wanted"}
}
