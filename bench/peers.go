package main

import (
	"errors"
	"io"
	"log/slog"
	"time"

	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog"
	slogmulti "github.com/samber/slog-multi"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// The peers are set up to write the record as log/slog's JSONHandler does,
// nanoseconds included, wherever their settings allow it.

func openPhuslu(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(w []io.Writer) slog.Handler { return phuslu.SlogNewJSONHandler(w[0], nil) })
}

func openPhusluLogger(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(w []io.Writer) slog.Handler {
		l := phuslu.Logger{TimeFormat: time.RFC3339Nano, Writer: phuslu.IOWriter{Writer: w[0]}}
		return l.Slog().Handler()
	})
}

func openSlogJSON(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(w []io.Writer) slog.Handler { return slog.NewJSONHandler(w[0], nil) })
}

func openMultiHandler(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(w []io.Writer) slog.Handler { return slog.NewMultiHandler(jsonHandlers(w)...) })
}

func openSlogMulti(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(w []io.Writer) slog.Handler { return slogmulti.Fanout(jsonHandlers(w)...) })
}

func openZap(a arm, d destinations) (*subject, error) {
	return openPeer(a, d, func(w []io.Writer) func(int) { return zapCalls(zap.New(zapTee(w)), a.shape) })
}

func openZapslog(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(w []io.Writer) slog.Handler { return zapslog.NewHandler(zapTee(w)) })
}

func openZerolog(a arm, d destinations) (*subject, error) {
	return openPeer(a, d, func(w []io.Writer) func(int) {
		l := zerolog.New(zerolog.MultiLevelWriter(w...)).With().Timestamp().Logger()
		return zerologCalls(l, a.shape)
	})
}

// openSlog opens a peer that is a slog.Handler.
func openSlog(a arm, d destinations, handler func([]io.Writer) slog.Handler) (*subject, error) {
	return openPeer(a, d, func(w []io.Writer) func(int) { return slogCalls(handler(w), a.shape) })
}

// openPeer opens a.sinks destinations and the peer that writes to them.
func openPeer(a arm, d destinations, calls func([]io.Writer) func(n int)) (*subject, error) {
	var writers []io.Writer
	var closers []io.Closer
	closeAll := func() (err error) {
		for _, c := range closers {
			err = errors.Join(err, c.Close())
		}
		return err
	}
	for i := range a.sinks {
		w, err := d.writer(i)
		if err != nil {
			return nil, errors.Join(err, closeAll())
		}
		closers = append(closers, w)
		if c, ok := w.(nopCloser); ok {
			writers = append(writers, c.Writer) // io.Discard itself, which some libraries know
		} else {
			writers = append(writers, w)
		}
	}
	return &subject{log: calls(writers), close: closeAll}, nil
}

func jsonHandlers(writers []io.Writer) []slog.Handler {
	handlers := make([]slog.Handler, len(writers))
	for i, w := range writers {
		handlers[i] = slog.NewJSONHandler(w, nil)
	}
	return handlers
}

func zapTee(writers []io.Writer) zapcore.Core {
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: slog.TimeKey, LevelKey: slog.LevelKey, MessageKey: slog.MessageKey,
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.NanosDurationEncoder,
	})
	cores := make([]zapcore.Core, len(writers))
	for i, w := range writers {
		cores[i] = zapcore.NewCore(encoder.Clone(), zapcore.AddSync(w), zapcore.InfoLevel)
	}
	return zapcore.NewTee(cores...)
}

// setupZerolog makes zerolog's process-wide settings those of the other arms.
func setupZerolog() {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	zerolog.DurationFieldUnit = time.Nanosecond
	zerolog.DurationFieldInteger = true
	zerolog.MessageFieldName = slog.MessageKey
	zerolog.LevelFieldMarshalFunc = func(zerolog.Level) string { return "INFO" }
}
