package fapilog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
)

// WriteLine appends a line of another program's output. A line that is one JSON
// object is passed on with its bytes unchanged, save for masks and for newlines
// between its tokens, which become spaces, and its time, level and message are
// read under their usual names; any other line becomes the message of a record of
// level Info. The time is now where the line has none.
//
// line is without its end, and is copied. size is how many bytes the line had
// where line is only its head, and else len(line): a record that was cut says
// so. The head of a JSON object becomes an object of the members that are in it; an
// object longer than [Config.MaxRecord] is made shorter like a record. attrs stand behind the message of a line that becomes a record; a line that
// is a JSON object stays as it is. WriteLine may be called concurrently, and like
// Handle it returns when the journal has the record.
func (p *Pipeline) WriteLine(ctx context.Context, line []byte, size int64, attrs ...slog.Attr) (err error) {
	w := p.writeLines(1)
	defer w.end(&err)
	if w.begin(ctx, attrs) {
		w.write(line, size)
	}
	return w.err
}

// WriteLines is WriteLine for all lines of text, at a fraction of the cost. A line
// ends with LF or CR LF, which do not belong to it; what follows the last LF is a line
// unless it is empty. Now is the time of the call for the first line without a time of
// its own, and a nanosecond or two later for each that follows; attrs are read once.
//
// Each line is a call of its own to the ledger, from the beginning. The error is
// [ErrClosed] if the pipeline was closed before all lines were taken, or else the first
// line's that was not accepted; those behind that one are written. Other calls' records
// may come between those of text.
func (p *Pipeline) WriteLines(ctx context.Context, text []byte, attrs ...slog.Attr) (err error) {
	w := p.writeLines(countLines(text))
	defer w.end(&err)
	if w.begin(ctx, attrs) {
		for w.left > 0 {
			record, n, t, level := w.lines.Next(text)
			w.append(t, level, record)
			text = text[n:]
		}
	}
	return w.err
}

var newline = []byte{'\n'}

// countLines returns how many lines text has.
func countLines(text []byte) int {
	n := bytes.Count(text, newline)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}

// lineWriter is one call of WriteLine or WriteLines.
type lineWriter struct {
	p     *Pipeline
	lines encode.Lines
	json  []byte // the memory of a record
	left  int    // how many lines nothing has become of yet
	err   error  // the first, or ErrClosed
}

var lineWriters = sync.Pool{New: func() any { return new(lineWriter) }}

// writeLines counts lines as offered and returns what writes them.
func (p *Pipeline) writeLines(lines int) *lineWriter {
	w := lineWriters.Get().(*lineWriter)
	w.p, w.left, w.err = p, lines, nil
	p.offered[0].n.Add(uint64(lines))
	return w
}

// begin reports whether lines can be written.
func (w *lineWriter) begin(ctx context.Context, attrs []slog.Attr) bool {
	if w.p.inside(ctx) {
		w.p.refused.Add(uint64(w.left))
		w.left, w.err = 0, ErrReentrant
		return false
	}
	w.lines.Begin(w.p.encoder, time.Now(), slog.LevelInfo, attrs...)
	return true
}

// write appends a line.
func (w *lineWriter) write(line []byte, size int64) {
	record, t, level := w.lines.Append(w.json[:0], line, size)
	w.json = record
	w.append(t, level, record)
}

// append appends the next line's record. When the pipeline is closed it is the last.
func (w *lineWriter) append(t time.Time, level slog.Level, record []byte) {
	err := w.p.journal.Append(t, level, record)
	if err == nil {
		w.left--
		return
	}
	if errors.Is(err, journal.ErrClosed) {
		w.p.lateCalls.Add(uint64(w.left))
		w.left, err = 0, ErrClosed
	} else {
		w.p.encodeFailed.Add(1)
		w.left--
		err = fmt.Errorf("fapilog: %w", err)
	}
	if w.err == nil || err == ErrClosed {
		w.err = err
	}
}

// end books what was not written because a method of attrs panicked, or ended the
// goroutine, and keeps w's memory.
func (w *lineWriter) end(err *error) {
	if w.left > 0 {
		w.p.encodeFailed.Add(uint64(w.left))
		if v := recover(); v != nil {
			*err = fmt.Errorf("fapilog: panic while encoding: %v", v)
		}
	}
	w.p = nil
	if cap(w.json) > maxPooled {
		w.json = nil
	}
	lineWriters.Put(w)
}
