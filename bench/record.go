package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/rs/zerolog"
	"go.uber.org/zap"
)

// The record that every arm writes: a message and five attributes. They are
// variables, so that no compiler folds them into what it writes.
var (
	message     = "request handled"
	attrPath    = "/v1/orders/4711/items"
	attrCode    = 200
	attrTook    = 1534 * time.Microsecond
	attrCache   = true
	errUpstream = errors.New("upstream closed the connection")
)

// The shapes of a call.
const (
	inCall   = "5 attributes in the call"
	prebuilt = "the same 5 set beforehand" // With: the call has the message alone
)

func attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("path", attrPath), slog.Int("status", attrCode), slog.Duration("took", attrTook),
		slog.Bool("cached", attrCache), slog.Any("err", errUpstream),
	}
}

// slogCalls returns a function that logs the record n times.
func slogCalls(h slog.Handler, shape string) func(n int) {
	ctx := context.Background()
	if shape == prebuilt {
		l := slog.New(h.WithAttrs(attrs()))
		return func(n int) {
			for range n {
				l.LogAttrs(ctx, slog.LevelInfo, message)
			}
		}
	}
	l := slog.New(h)
	return func(n int) {
		for range n {
			l.LogAttrs(ctx, slog.LevelInfo, message,
				slog.String("path", attrPath), slog.Int("status", attrCode), slog.Duration("took", attrTook),
				slog.Bool("cached", attrCache), slog.Any("err", errUpstream))
		}
	}
}

// directCalls returns a function that logs the record n times without a
// slog.Logger.
func directCalls(h *fapilog.Handler, shape string) func(n int) {
	ctx := context.Background()
	if shape == prebuilt {
		h := h.WithAttrs(attrs()).(*fapilog.Handler)
		return func(n int) {
			for range n {
				h.LogAttrs(ctx, slog.LevelInfo, message)
			}
		}
	}
	return func(n int) {
		for range n {
			h.LogAttrs(ctx, slog.LevelInfo, message,
				slog.String("path", attrPath), slog.Int("status", attrCode), slog.Duration("took", attrTook),
				slog.Bool("cached", attrCache), slog.Any("err", errUpstream))
		}
	}
}

func zapCalls(l *zap.Logger, shape string) func(n int) {
	if shape == prebuilt {
		l = l.With(zap.String("path", attrPath), zap.Int("status", attrCode), zap.Duration("took", attrTook),
			zap.Bool("cached", attrCache), zap.NamedError("err", errUpstream))
		return func(n int) {
			for range n {
				l.Info(message)
			}
		}
	}
	return func(n int) {
		for range n {
			l.Info(message, zap.String("path", attrPath), zap.Int("status", attrCode), zap.Duration("took", attrTook),
				zap.Bool("cached", attrCache), zap.NamedError("err", errUpstream))
		}
	}
}

func zerologCalls(l zerolog.Logger, shape string) func(n int) {
	if shape == prebuilt {
		l = l.With().Str("path", attrPath).Int("status", attrCode).Dur("took", attrTook).
			Bool("cached", attrCache).AnErr("err", errUpstream).Logger()
		return func(n int) {
			for range n {
				l.Info().Msg(message)
			}
		}
	}
	return func(n int) {
		for range n {
			l.Info().Str("path", attrPath).Int("status", attrCode).Dur("took", attrTook).
				Bool("cached", attrCache).AnErr("err", errUpstream).Msg(message)
		}
	}
}
