package main

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	sdklog "go.opentelemetry.io/otel/sdk/log"
)

// counting is an exporter that keeps nothing but how many records it was given.
type counting struct{ records atomic.Int64 }

func (e *counting) Export(_ context.Context, records []sdklog.Record) error {
	e.records.Add(int64(len(records)))
	return nil
}

func (*counting) Shutdown(context.Context) error   { return nil }
func (*counting) ForceFlush(context.Context) error { return nil }

// openOTel opens OpenTelemetry's bridge on a BatchProcessor with its defaults, and
// an exporter for each sink that discards. It has no destinations but these.
func openOTel(a arm, _ destinations) (*subject, error) {
	exporters := make([]*counting, a.sinks)
	var processors []sdklog.LoggerProviderOption
	for i := range exporters {
		exporters[i] = new(counting)
		processors = append(processors, sdklog.WithProcessor(sdklog.NewBatchProcessor(exporters[i])))
	}
	p := sdklog.NewLoggerProvider(processors...)
	h := otelslog.NewHandler("bench", otelslog.WithLoggerProvider(p))
	return &subject{
		log: slogCalls(h, a.shape),
		check: func(calls int) (string, error) {
			err := p.ForceFlush(context.Background())
			for _, e := range exporters {
				err = errors.Join(err, lost(int64(calls)-e.records.Swap(0), calls))
			}
			return "", err
		},
		close: func() error { return p.Shutdown(context.Background()) },
	}, nil
}
