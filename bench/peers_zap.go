package main

import (
	"io"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// zap.New as it is: no caller, no stack traces, which zap's presets add, and no
// sampling, which would drop records.

func openZap(a arm, d destinations) (*subject, error) {
	return openPeer(a, d, func(o *outputs) func(int) { return zapCalls(zap.New(zapTee(o.plain())), a.shape) })
}

func openZapBuffered(a arm, d destinations) (*subject, error) {
	return openPeer(a, d, func(o *outputs) func(int) { return zapCalls(zap.New(zapTee(o.syncers())), a.shape) })
}

func openZapslog(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return zapslog.NewHandler(zapTee(o.plain())) })
}

// plain returns the writers without a lock: os.File and io.Discard have no need
// of one.
func (o *outputs) plain() []zapcore.WriteSyncer {
	syncers := make([]zapcore.WriteSyncer, len(o.writers))
	for i, w := range o.writers {
		syncers[i] = zapcore.AddSync(w)
	}
	return syncers
}

// syncers returns the writers behind zap's own buffers, which are locked.
func (o *outputs) syncers() []zapcore.WriteSyncer {
	syncers := make([]zapcore.WriteSyncer, len(o.writers))
	for i, w := range o.writers {
		// Sync is the buffer's flush: a file is not to be synced by it.
		b := &zapcore.BufferedWriteSyncer{WS: zapcore.AddSync(onlyWrite{w}), Size: bufferSize}
		o.onFlush(b.Sync)
		o.closes = append([]func() error{b.Stop}, o.closes...)
		syncers[i] = b
	}
	return syncers
}

// onlyWrite hides the Sync of a file.
type onlyWrite struct{ io.Writer }

func zapTee(syncers []zapcore.WriteSyncer) zapcore.Core {
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: slog.TimeKey, LevelKey: slog.LevelKey, MessageKey: slog.MessageKey,
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.NanosDurationEncoder,
	})
	cores := make([]zapcore.Core, len(syncers))
	for i, s := range syncers {
		cores[i] = zapcore.NewCore(encoder.Clone(), s, zapcore.InfoLevel)
	}
	return zapcore.NewTee(cores...)
}
