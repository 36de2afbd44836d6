package main

import (
	"bufio"
	"io"
	"log/slog"
	"sync"

	slogmulti "github.com/samber/slog-multi"
)

// bufferSize is that of every buffer in front of a file: zap's default for its
// BufferedWriteSyncer.
const bufferSize = 256 << 10

// lockedBuffer is a bufio.Writer as a program must have it that also flushes it
// now and then: behind a mutex.
type lockedBuffer struct {
	mu sync.Mutex
	w  *bufio.Writer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.w.Write(p)
}

func (b *lockedBuffer) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.w.Flush()
}

// buffered returns the writers, each behind a buffer.
func (o *outputs) buffered() []io.Writer {
	writers := make([]io.Writer, len(o.writers))
	for i, w := range o.writers {
		b := &lockedBuffer{w: bufio.NewWriterSize(w, bufferSize)}
		o.onFlush(b.flush)
		writers[i] = b
	}
	return writers
}

// openSlog opens a peer that is a slog.Handler.
func openSlog(a arm, d destinations, handler func(*outputs) slog.Handler) (*subject, error) {
	return openPeer(a, d, func(o *outputs) func(int) { return slogCalls(handler(o), a.shape) })
}

func openSlogJSON(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return jsonHandlers(o.writers)[0] })
}

func openMultiHandler(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return slog.NewMultiHandler(jsonHandlers(o.writers)...) })
}

func openSlogBuffered(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return multiHandler(o.buffered()) })
}

func openSlogMulti(a arm, d destinations) (*subject, error) {
	return openSlog(a, d, func(o *outputs) slog.Handler { return slogmulti.Fanout(jsonHandlers(o.writers)...) })
}

// multiHandler writes to every writer; to one without MultiHandler between.
func multiHandler(writers []io.Writer) slog.Handler {
	handlers := jsonHandlers(writers)
	if len(handlers) == 1 {
		return handlers[0]
	}
	return slog.NewMultiHandler(handlers...)
}

func jsonHandlers(writers []io.Writer) []slog.Handler {
	handlers := make([]slog.Handler, len(writers))
	for i, w := range writers {
		handlers[i] = slog.NewJSONHandler(w, nil)
	}
	return handlers
}
