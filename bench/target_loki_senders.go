package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	_ "github.com/fapilog/fapilog/sink/loki" // the scheme
	kitlog "github.com/go-kit/kit/log"
	"github.com/go-kit/kit/log/level"
	"github.com/grafana/loki-client-go/loki"
	slogloki "github.com/samber/slog-loki/v3"
)

// openLokiSink opens a pipeline with the loki sink. The level becomes a label, as
// it does in slog-loki. query are further parameters.
func openLokiSink(url, query string, journalBytes int64) (*lokiSender, error) {
	uri := "loki" + strings.TrimPrefix(url, "http") + "?labels=app=bench&label-fields=level&" + query
	p, err := fapilog.New(context.Background(), fapilog.Config{
		Journal: journal.Config{MaxBytes: journalBytes},
		Routes: []fapilog.Route{{
			URI:      strings.TrimSuffix(uri, "&"),
			Delivery: fapilog.Delivery{OnFull: fapilog.Block, BlockTimeout: fapilog.Forever},
		}},
	})
	if err != nil {
		return nil, err
	}
	return &lokiSender{
		handler: p.Handler(),
		drain: func(calls int) error {
			_, err := pipeline{journalBytes: journalBytes}.check(p, calls)
			return err
		},
		close: func() error { return p.Close(context.Background()) },
	}, nil
}

// openSlogLoki returns a function that opens slog-loki as its README does, with
// Grafana's client and that one's defaults: batches of 1 MiB of messages or of
// one second. The client's version is the one that slog-loki requires: the later
// one's JSON has entries where Loki's push API wants values. asJSON is the client's
// only choice of a codec; without it, it is protobuf with snappy.
func openSlogLoki(asJSON bool) func(url string) (*lokiSender, error) {
	return func(url string) (*lokiSender, error) {
		config, err := loki.NewDefaultConfig(url + "/loki/api/v1/push")
		if err != nil {
			return nil, err
		}
		config.EncodeJson = asJSON
		// The client's own logger would write into the figures.
		warnings := level.NewFilter(kitlog.NewLogfmtLogger(kitlog.NewSyncWriter(os.Stderr)), level.AllowWarn())
		client, err := loki.NewWithLogger(config, warnings)
		if err != nil {
			return nil, err
		}
		return &lokiSender{
			handler: slogloki.Option{Level: slog.LevelInfo, Client: client}.NewLokiHandler(),
			drain: func(int) error {
				client.Stop() // sends what is left
				return nil
			},
			close: func() error { return nil },
		}, nil
	}
}
