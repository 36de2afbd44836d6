package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"go.uber.org/zap"
)

// scaleSizes measures longer records: one string attribute fills them up.
func scaleSizes(s *session) error {
	curves := func(library string) []curve {
		return onBoth(library, func(size int) (sample, error) {
			calls := scalingJournal*(minLaps+1)/size + 1
			a := arm{library: library, shape: inCall, sinks: 1, open: openSized(library, sizedText(size))}
			return measure(a, discard(), calls, 1)
		})
	}
	w, err := sweepOver(s, []int{100, 1 << 10, 4 << 10, 16 << 10, 64 << 10}, "bytes", curves(scaledOurs), curves(scaledPhuslu), curves(scaledZap))
	if err != nil {
		return err
	}
	perByte := func(s sample, size int) float64 { return s.threadCPU / float64(size) }
	w.growth(s, row{
		Question: "caller, records of 64 KiB", Against: "fapilog itself, of 1 KiB", Figure: "ns of the caller's CPU per byte", Reach: 1,
	}, 1<<10, perByte)
	s.addPlot(plot{
		Name: "size", Title: "Size of a record", XLabel: "bytes of JSON", YLabel: "caller's CPU, ns per call", LogX: true, LogY: true,
		Series: w.lines("", callerCPU),
	})
	s.addPlot(plot{
		Name: "size-byte", Title: "Size of a record, by the byte", XLabel: "bytes of JSON", YLabel: "caller's CPU, ns per byte", LogX: true, LogY: true,
		Series: w.lines("", perByte),
	})
	return nil
}

// sizedText returns a text with which a record has size bytes of JSON.
func sizedText(size int) string {
	const (
		others = len(`{"time":"2006-01-02T15:04:05.999999999Z","level":"INFO","msg":"","text":""}`)
		words  = "GET /v1/orders/4711/items 200 in 1.534ms from 10.1.2.3; "
	)
	length := max(size-others-len(message), 1)
	return strings.Repeat(words, length/len(words)+1)[:length]
}

// openSized opens a library for a record with one string attribute.
func openSized(library, text string) func(arm, destinations) (*subject, error) {
	calls := func(h slog.Handler) func(int) {
		l := slog.New(h)
		return func(n int) {
			for range n {
				l.LogAttrs(context.Background(), slog.LevelInfo, message, slog.String("text", text))
			}
		}
	}
	return func(a arm, d destinations) (*subject, error) {
		switch library {
		case scaledPhuslu:
			return openPeer(a, d, func(o *outputs) func(int) { return calls(phusluTo(o.writers)) })
		case scaledZap:
			return openPeer(a, d, func(o *outputs) func(int) {
				l := zap.New(zapTee(o.plain()))
				return func(n int) {
					for range n {
						l.Info(message, zap.String("text", text))
					}
				}
			})
		}
		p, err := fapilog.New(context.Background(), fapilog.Config{
			Journal:  journal.Config{MaxBytes: scalingJournal},
			Defaults: fapilog.Delivery{OnFull: fapilog.Block, BlockTimeout: fapilog.Forever},
			Routes:   []fapilog.Route{d.route(0)},
		})
		if err != nil {
			return nil, err
		}
		return &subject{
			log:   calls(p.Handler()),
			check: func(int) (string, error) { return nothingLost(p) },
			close: func() error { return p.Close(context.Background()) },
		}, nil
	}
}

// nothingLost waits until everything is delivered, and returns an error when a
// sink did not get a record.
func nothingLost(p *fapilog.Pipeline) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deliveryLimit)
	defer cancel()
	err := p.Flush(ctx)
	s := p.Stats()
	for _, k := range s.Sinks {
		if k.Delivered != s.Offered {
			err = errors.Join(err, fmt.Errorf("records were lost: offered %d, delivered %d to %s", s.Offered, k.Delivered, k.Name))
		}
	}
	return "", err
}
