package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	phuslu "github.com/phuslu/log"
)

func openPhuslu(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return phusluTo(o.writers) })
}

func openPhusluBuffered(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return phusluTo(o.buffered()) })
}

// phusluTo encodes once and writes to every writer.
func phusluTo(writers []io.Writer) slog.Handler { return phuslu.SlogNewJSONHandler(fan(writers), nil) }

// openPhusluLogger opens the other slog handler of the library. Its records have
// other names for two keys, and durations in milliseconds.
func openPhusluLogger(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler {
		l := phuslu.Logger{TimeFormat: time.RFC3339Nano, Writer: phuslu.IOWriter{Writer: fan(o.writers)}}
		return l.Slog().Handler()
	})
}

// openPhusluAsync opens it on the asynchronous writer, set to wait when its
// channel is full. SlogNewJSONHandler cannot be: AsyncWriter.Write keeps the
// slice that it is given, which the handler uses again.
func openPhusluAsync(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler {
		w := &async{open: func() *phuslu.AsyncWriter {
			return &phuslu.AsyncWriter{ChannelSize: asyncSize, Writer: asyncTo(o.writers)}
		}}
		w.AsyncWriter = w.open()
		o.onFlush(w.flush)
		l := phuslu.Logger{TimeFormat: time.RFC3339Nano, Writer: w}
		return l.Slog().Handler()
	})
}

// asyncSize is that of the library's own benchmarks.
const asyncSize = 4096

// async is an asynchronous writer that can be waited for: Close is its only
// flush, so a new one takes its place.
type async struct {
	*phuslu.AsyncWriter
	open func() *phuslu.AsyncWriter
}

func (w *async) flush() error {
	err := w.Close()
	w.AsyncWriter = w.open()
	return err
}

// asyncTo returns what the asynchronous writer writes to: a FileWriter where it is
// one file, which is what makes it gather many records in one writev(2).
func asyncTo(writers []io.Writer) phuslu.Writer {
	if f, ok := writers[0].(*os.File); ok && len(writers) == 1 {
		return &phuslu.FileWriter{Filename: strings.TrimSuffix(f.Name(), ".log") + "-async.log", MaxBackups: 100}
	}
	return phuslu.IOWriter{Writer: fan(writers)}
}

func fan(writers []io.Writer) io.Writer {
	if len(writers) == 1 {
		return writers[0]
	}
	return io.MultiWriter(writers...)
}
