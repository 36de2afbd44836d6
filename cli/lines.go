package cli

import (
	"bytes"
	"context"
	"io"
	"time"
)

// chunkSize is how much of the input is read at once, in bytes. It is what a
// pipe holds on Linux (pipe(7), "Pipe capacity"): larger ones come no fuller.
const chunkSize = 64 << 10

// silence is how long a stream that is read in a hurry is quiet before it has
// nothing more to say. A variable, so that no time limit decides the tests of
// processes.
var silence = 500 * time.Millisecond

// input reads a stream on a goroutine of its own, because a read of a pipe or a
// terminal cannot be interrupted: whoever waits for the input can stop waiting.
// It reads at most two chunks ahead.
type input struct {
	free   chan []byte // buffers to read into; closed when nobody wants more
	filled chan chunk  // what was read, in order; has room for all buffers
}

// chunk is the outcome of one read.
type chunk struct {
	data []byte
	err  error // the last one has one: io.EOF at the end
}

// newInput begins to read r. The goroutine ends with the input, or after stop as
// soon as the read under way returns.
func newInput(r io.Reader) *input {
	const ahead = 2
	in := &input{free: make(chan []byte, ahead), filled: make(chan chunk, ahead)}
	for range ahead {
		in.free <- make([]byte, chunkSize)
	}
	go in.run(r)
	return in
}

func (in *input) run(r io.Reader) {
	for buf := range in.free {
		n, err := r.Read(buf)
		in.filled <- chunk{buf[:n], err}
		if err != nil {
			return
		}
	}
}

func (in *input) stop() { close(in.free) }

// source is a stream of lines.
type source struct {
	io.Reader
	hurry <-chan struct{} // once it is closed, a stream that is quiet for silence has ended; nil: it never is

	// held is how many bytes may lie in the stream when its reading ends. They are
	// still read as far as they are there; a stream of 0 is read no more.
	held int
}

// maxHeld is what a pipe holds on Linux if somebody has made it as large as it may
// be (pipe(7), /proc/sys/fs/pipe-max-size).
const maxHeld = 1 << 20

// copyLines gives every line of src to s until src ends, ctx ends or, once
// src.hurry is closed, nothing has come for silence. Then it reads no more, but for
// what src holds, and what was read before still goes to s, a line without its end
// included. The error is that of a read that failed.
//
// The time that s takes is no silence: src could not be heard. For the same reason
// it does not count as time in which nothing came to what s joins.
func copyLines(ctx context.Context, src source, s *splitter) error {
	in := newInput(src)
	defer in.stop()
	defer s.end()
	hurry := src.hurry
	var quiet, alone <-chan time.Time // nil before hurry, and where nothing is joined
	for {
		select {
		case c := <-in.filled:
			s.write(c.data)
			if c.err != nil {
				return readError(c.err)
			}
			ended := ctx.Err() != nil // of what is ready, select takes any
			if !ended || src.held > 0 {
				in.free <- c.data[:cap(c.data)]
			}
			if ended {
				return in.rest(s, src.held)
			}
			if quiet != nil {
				quiet = time.After(silence)
			}
			alone = s.wait()
		case <-alone:
			s.joiner.release()
			alone = nil
		case <-hurry:
			hurry, quiet = nil, time.After(silence)
		case <-quiet:
			return in.rest(s, src.held)
		case <-ctx.Done():
			return in.rest(s, src.held)
		}
	}
}

// moment is how long what lies in a pipe may take to be read.
const moment = 250 * time.Millisecond

// rest gives s what has been read already, and up to held bytes more.
func (in *input) rest(s *splitter, held int) error {
	for {
		c, ok := in.next(held > 0)
		if !ok {
			return nil
		}
		s.write(c.data)
		if c.err != nil {
			return readError(c.err)
		}
		if held -= len(c.data); held > 0 {
			in.free <- c.data[:cap(c.data)]
		}
	}
}

// next returns what has been read, or is within a moment.
func (in *input) next(wait bool) (c chunk, ok bool) {
	select {
	case c = <-in.filled:
		return c, true
	default:
	}
	if !wait {
		return chunk{}, false
	}
	select {
	case c = <-in.filled:
		return c, true
	case <-time.After(moment):
		return chunk{}, false
	}
}

func readError(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// splitter cuts a stream into lines. A line ends with LF or CR LF, which do not
// belong to it; any other CR does. What follows the last LF is a line unless it
// is empty. Besides the chunk in hand it holds limit bytes at most.
type splitter struct {
	limit int // most bytes of a line that are kept

	// emit is called for each line, in order: with the line, or with its first
	// limit bytes, and with how many bytes it had. It does not keep line.
	emit func(line []byte, size int64)

	// emitAll is called in place of emit with lines that have come at once, their ends
	// included. It does not keep lines. nil: each goes to emit, as do lines that are
	// joined.
	emitAll func(lines []byte)

	joiner *joiner // what emit gives the lines to, to be joined; nil: they are not

	// The line that earlier chunks have begun.
	head []byte // its first bytes, at most limit
	size int64  // how many it has
	last byte   // of them
}

// write takes the next piece of the stream, which may end anywhere.
func (s *splitter) write(p []byte) {
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.keep(p)
			return
		}
		switch {
		case s.size > 0:
			s.keep(p[:i])
			s.finish(s.head, s.size, s.last == '\r')
			s.reset()
		case s.emitAll != nil && s.joiner == nil && len(p) <= s.limit: // the usual cases: nothing is copied
			i = bytes.LastIndexByte(p, '\n')
			s.emitAll(p[:i+1])
		default:
			s.finish(p[:i], int64(i), i > 0 && p[i-1] == '\r')
		}
		p = p[i+1:]
	}
}

// end says that the stream has ended.
func (s *splitter) end() {
	if s.size > 0 {
		s.emit(s.head, s.size)
		s.reset()
	}
	if s.joiner != nil {
		s.joiner.release()
	}
}

// wait returns a channel that says when what was joined waits no longer, or nil if
// nothing comes in between.
func (s *splitter) wait() <-chan time.Time {
	if s.joiner == nil || s.joiner.wait == 0 || !s.joiner.held() || s.size > 0 { // a line that has begun may belong to it
		return nil
	}
	return time.After(s.joiner.wait)
}

// keep adds p to the line that is not complete yet.
func (s *splitter) keep(p []byte) {
	if len(p) == 0 {
		return
	}
	s.size += int64(len(p))
	s.last = p[len(p)-1]
	s.head = append(s.head, p[:min(len(p), s.limit-len(s.head))]...)
}

// finish emits a line that an LF ended. line may lack its end, beyond the limit.
func (s *splitter) finish(line []byte, size int64, cr bool) {
	if cr {
		size--
	}
	s.emit(line[:min(int64(len(line)), size, int64(s.limit))], size)
}

// reset forgets the line. A buffer that a long one has grown is given back.
func (s *splitter) reset() {
	s.size = 0
	if cap(s.head) > chunkSize {
		s.head = nil
	}
	s.head = s.head[:0]
}
