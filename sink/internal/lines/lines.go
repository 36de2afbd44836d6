// Package lines writes records as whole lines to something that may take a part of
// what it is given, or fail in the middle.
//
// What a [Writer] promises, as far as the destination tells how many bytes it took:
// no line is torn, and no record is written twice by one Writer. So:
//
//   - A write has whole lines only.
//   - When a write ended in the middle of a line, the [Stream] keeps that line. Whoever
//     writes to the stream next, the same Writer or another, first writes the rest.
//   - A Writer remembers the IDs of the records of its failed attempts that were
//     written, and skips them when they come again: at least the last 8,192 of them. An
//     attempt that ended after its deadline counts as failed, as [sink.Sink] says.
//     Only where the destination cannot stand by what it took, see [Destination], is
//     a record written again.
package lines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Format appends the text of a record to dst, without a newline in it.
type Format func(dst []byte, r sink.Record) []byte

// JSON is the Format of the record's JSON as it is: nil, for which nothing is called.
var JSON Format

// Stream is a place where the bytes of several Writers end up one after the other.
type Stream struct {
	turn chan struct{} // holds a token while a Writer has the stream
	torn torn          // owned by who has the stream, as everything in its Writers is
}

// torn is the line in progress.
type torn struct {
	owner *Writer // nil: there is none
	id    sink.ID
	line  []byte // with its newline
	sent  int    // bytes of it that were taken; neither none nor all
}

// NewStream returns a stream at the start of a line.
func NewStream() *Stream { return &Stream{turn: make(chan struct{}, 1)} }

// Destination is where the bytes of a Writer go, one attempt at a time.
type Destination interface {
	io.Writer

	// Limit returns how many bytes the next write may have if it is one of several
	// lines; one line may have more. Negative: any number.
	Limit() int

	// Commit is called at the end of every attempt, after its last write. An error
	// means that nothing counts that the attempt wrote: all of its records are
	// written again when they come again.
	Commit() error
}

// Writer writes batches to a stream.
type Writer struct {
	stream *Stream
	format Format
	plain  plain
	seen   seen

	// The lines of one write.
	buf   []byte
	lines []line

	finished torn // the line of an earlier attempt that this one has finished; no owner: none
}

// plain is a Destination with one limit, where a write is all there is to do.
type plain struct {
	io.Writer
	limit int
}

func (p *plain) Limit() int    { return p.limit }
func (p *plain) Commit() error { return nil }

// line is where the line of a record of the batch stands in buf.
type line struct{ index, start, end int }

// NewWriter returns a Writer to s. No [Writer.Write] of several lines has more than
// limit bytes; one line may. Zero: no limit.
func NewWriter(s *Stream, limit int, f Format) *Writer {
	if limit <= 0 {
		limit = -1
	}
	return &Writer{stream: s, format: f, plain: plain{limit: limit}}
}

// Acquire waits until no other Writer has the stream, and takes it. All methods but
// this one are for whoever has it.
func (w *Writer) Acquire(ctx context.Context) error {
	select {
	case w.stream.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release gives the stream to the next Writer.
func (w *Writer) Release() { <-w.stream.turn }

// Torn returns how many bytes of an unfinished line the stream holds.
func (w *Writer) Torn() int { return w.stream.torn.sent }

// Forget makes the stream stand at the start of a line: the unfinished one was cut
// off, or is beyond reach. Its record is written again when it comes again.
func (w *Writer) Forget() { w.stream.torn = torn{} }

// maxKept is the capacity up to which buf is used again.
const maxKept = 2 << 20

// Write makes one attempt to write batch to out, and looks at ctx between writes. If
// some records were written, the error is a [*sink.Error] that names the others, with
// the verdict Retry.
func (w *Writer) Write(ctx context.Context, out io.Writer, batch []sink.Record) error {
	w.plain.Writer = out
	defer func() { w.plain.Writer = nil }()
	return w.WriteTo(ctx, &w.plain, batch)
}

// WriteTo is Write to a destination that has a say in what a write is and counts for.
func (w *Writer) WriteTo(ctx context.Context, out Destination, batch []sink.Record) error {
	w.finished = torn{}
	written, err := w.write(ctx, out, batch)
	if cap(w.buf) > maxKept {
		w.buf = nil
	}
	if failed := out.Commit(); failed != nil {
		if f := w.finished; f.owner != nil {
			f.owner.seen.drop(f.id)
		}
		return joined(failed, err)
	}
	if err != nil || ctx.Err() != nil {
		w.seen.add(batch[:written])
	}
	if err == nil || written == 0 {
		return err
	}
	rest := make([]sink.ItemError, 0, len(batch)-written)
	for i := written; i < len(batch); i++ {
		rest = append(rest, sink.ItemError{Index: i, Verdict: sink.Retry, Err: err})
	}
	return &sink.Error{Err: err, Items: rest}
}

// joined is errors.Join on one line, and without saying the same twice.
func joined(a, b error) error {
	if b == nil || errors.Is(b, a) {
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

// write returns how many records at the start of batch are written, now or before.
func (w *Writer) write(ctx context.Context, out Destination, batch []sink.Record) (written int, err error) {
	enough := enoughOf(ctx)
	if err := w.finish(out); err != nil {
		return 0, err
	}
	for written < len(batch) {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		if written > 0 && !enough.IsZero() && !time.Now().Before(enough) {
			return written, errSlow
		}
		next := w.fill(batch, written, out.Limit())
		if n, err := writeAll(out, w.buf); err != nil {
			return w.taken(batch, n), err
		}
		written = next
	}
	return written, nil
}

var errSlow = errors.New("the reader is slow: written so far")

// enoughOf returns when three quarters of ctx's time are over; zero: never. A
// slow reader is one that works: what it took is reported before the deadline,
// as progress, and not after it, as a failure.
func enoughOf(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return deadline.Add(-time.Until(deadline) / 4)
}

// finish writes the rest of the stream's line in progress.
func (w *Writer) finish(out io.Writer) error {
	t := &w.stream.torn
	if t.owner == nil {
		return nil
	}
	n, err := writeAll(out, t.line[t.sent:])
	t.sent += n
	if err != nil {
		return err
	}
	t.owner.seen.addID(t.id)
	w.finished = torn{owner: t.owner, id: t.id}
	*t = torn{}
	return nil
}

// writeAll returns the bytes that out took: all of p, or fewer and an error.
func writeAll(out io.Writer, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := out.Write(p)
	switch {
	case n >= len(p):
		// Whatever the error, the bytes are there.
		return len(p), nil
	case err == nil:
		err = io.ErrShortWrite
	}
	return max(n, 0), err
}

// fill puts the lines of batch[from:next] into buf, as many as are to be written at
// once: one, or more that have limit bytes at most. A negative limit is none.
func (w *Writer) fill(batch []sink.Record, from, limit int) (next int) {
	buf, lines := w.buf[:0], w.lines[:0]
	defer func() { w.buf, w.lines = buf, lines }()
	fresh := w.seen.empty()
	for i := from; i < len(batch); i++ {
		r := &batch[i]
		if !fresh && w.seen.has(r.ID) {
			continue
		}
		start := len(buf)
		if w.format == nil {
			buf = append(buf, r.JSON...)
		} else {
			buf = w.format(buf, *r)
		}
		buf = append(buf, '\n')
		if start > 0 && limit >= 0 && len(buf) > limit {
			buf = buf[:start]
			return i
		}
		lines = append(lines, line{index: i, start: start, end: len(buf)})
	}
	return len(batch)
}

// taken returns the index of the first record of batch that is not written after n
// bytes of buf were taken, and keeps its line if that was begun.
func (w *Writer) taken(batch []sink.Record, n int) int {
	for _, l := range w.lines {
		if n >= l.end {
			continue
		}
		if n > l.start {
			// The line is copied: the torn one may outlive this Writer.
			rest := bytes.Clone(w.buf[l.start:l.end])
			w.stream.torn = torn{owner: w, id: batch[l.index].ID, line: rest, sent: n - l.start}
		}
		return l.index
	}
	panic("lines: more bytes taken than there were")
}
