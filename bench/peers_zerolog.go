package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/rs/zerolog/diode"
)

func openZerolog(a arm, d destinations) (*subject, error) {
	return openPeer(a, d, func(o *outputs) func(int) { return zerologCalls(zerologTo(o.writers), a.shape) })
}

func openZerologBuffered(a arm, d destinations) (*subject, error) {
	return openPeer(a, d, func(o *outputs) func(int) { return zerologCalls(zerologTo(o.buffered()), a.shape) })
}

// zerologTo writes to every writer; to one without MultiLevelWriter between.
func zerologTo(writers []io.Writer) zerolog.Logger {
	w := writers[0]
	if len(writers) > 1 {
		w = zerolog.MultiLevelWriter(writers...)
	}
	return zerolog.New(w).With().Timestamp().Logger()
}

// diodeSize and diodePoll are those of the examples in zerolog's README.
const (
	diodeSize = 1000
	diodePoll = 10 * time.Millisecond
)

// diodes is a diode writer that can be waited for: Close is its only flush, so a
// new one takes its place.
type diodes struct {
	to     io.Writer
	writer diode.Writer
	missed atomic.Int64
}

func (w *diodes) open() {
	w.writer = diode.NewWriter(onlyWrite{w.to}, diodeSize, diodePoll, func(missed int) { w.missed.Add(int64(missed)) })
}

func (w *diodes) Write(p []byte) (int, error) { return w.writer.Write(p) }

func openZerologDiode(a arm, d destinations) (*subject, error) {
	var w *diodes
	s, err := openPeer(a, d, func(o *outputs) func(int) {
		w = &diodes{to: zerolog.MultiLevelWriter(o.writers...)}
		w.open()
		o.closes = append([]func() error{func() error { return w.writer.Close() }}, o.closes...)
		return zerologCalls(zerologTo([]io.Writer{w}), a.shape)
	})
	if err != nil {
		return nil, err
	}
	s.check = func(calls int) (string, error) {
		if err := w.writer.Close(); err != nil {
			return "", errors.Join(err, s.close())
		}
		w.open()
		return "", lost(w.missed.Swap(0), calls)
	}
	return s, nil
}

// lost is why a figure does not count, or nil.
func lost(n int64, calls int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d %% of the records were dropped", (100*n+int64(calls)-1)/int64(calls))
}

// setupZerolog makes zerolog's process-wide settings those of the other arms.
func setupZerolog() {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	zerolog.DurationFieldUnit = time.Nanosecond
	zerolog.DurationFieldInteger = true
	zerolog.MessageFieldName = slog.MessageKey
	zerolog.LevelFieldMarshalFunc = func(zerolog.Level) string { return "INFO" }
}
