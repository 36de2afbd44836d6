package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/admin"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// serve opens a pipeline with a sink that works and some that do not, logs 1000
// records, waits until nothing moves any more, and serves its admin page at the
// address that it returns.
func serve(t *testing.T) (p *fapilog.Pipeline, address string) {
	t.Helper()
	verdict := func(name string, v sink.Verdict) fapilog.Route {
		return fapilog.Route{Name: name, Sink: &sinktest.Script{Then: sinktest.Verdict(v, 0)}}
	}
	p, err := fapilog.New(t.Context(), fapilog.Config{
		Diagnostics: slog.New(slog.DiscardHandler),
		Routes: []fapilog.Route{
			{Name: "well", Sink: new(sinktest.Memory)},
			{Name: "errors-only", Sink: new(sinktest.Memory), Delivery: fapilog.Delivery{Level: slog.LevelError}},
			{Name: "dead", Sink: &sinktest.Script{Then: sinktest.Fail(errors.New("connection refused"))}, Delivery: fapilog.Delivery{
				Breaker: breaker.Config{Failures: 1, Recovery: time.Hour}, // no probe while the test looks
			}},
			verdict("parked", sink.Park), // probed again after a minute
			verdict("gone", sink.Gone),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(admin.Handler(p))
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // dead and parked have still their records
	})
	for i := range 1000 {
		p.Logger().Log(t.Context(), slog.Level(4*(i%3)), "request done", "n", i)
	}
	within(t, "the sinks settle", func() error { return settled(p.Stats()) })
	return p, server.Listener.Addr().String()
}

// settled reports what is still to happen in the pipeline of serve.
func settled(s fapilog.Stats) error {
	for _, k := range s.Sinks {
		var still bool
		switch k.Name {
		case "dead":
			still = k.Circuit != breaker.Open
		case "parked":
			still = !k.Parked
		default:
			still = k.Pending > 0
		}
		if still || k.Appended != 1000 {
			return fmt.Errorf("%+v", k)
		}
	}
	return nil
}
