// Package console is the sink that writes to standard output or standard error, one
// line for each record. It registers the schemes stdout and stderr.
//
// The sink writes through a duplicate of the descriptor, numbered 3 or higher: when
// the reader of a pipe goes away, a write to descriptor 1 or 2 ends a Go program
// (package os/signal, SIGPIPE), one to the duplicate is an error. The verdict is then
// [sink.Gone].
//
// Lines are whole: a write has whole lines only, a line of which a part was written is
// finished before the next one, and it is not written again, see package
// sink/internal/lines. All sinks of the process that write to the same pipe, terminal,
// socket or file take turns. To a pipe or socket, which other processes may share,
// writes of several lines have at most PIPE_BUF bytes, which pipes do not
// interleave (POSIX, write); a longer line has a write of its own.
//
// The flags of the descriptor are shared with other processes, such as the shell, so it is
// left blocking if it is. A Write to a reader that is stuck then does not return, and is
// abandoned by whoever called it. Where the descriptor is non-blocking already, Write
// waits until the deadline of its context and no longer.
package console

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/lines"
)

func init() {
	sink.Register("stdout", func() sink.Opener { return &Config{} })
	sink.Register("stderr", func() sink.Opener { return &Config{File: os.Stderr} })
}

// The formats.
const (
	Auto   = "auto"   // Pretty on a terminal, JSON otherwise
	JSON   = "json"   // the record as it is
	Pretty = "pretty" // for people: encode.AppendPretty
	Logfmt = "logfmt" // encode.AppendLogfmt
)

// Config describes a console. The zero Config is standard output in format Auto.
//
// On a terminal Pretty is in colour, unless the environment variable NO_COLOR is set
// and not empty (https://no-color.org) or TERM is dumb.
type Config struct {
	File   *os.File // nil: os.Stdout as it is at New; it is duplicated, and never closed
	Format string   // one of the constants; empty: Auto
}

var formats = []string{Auto, JSON, Pretty, Logfmt}

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.Var(sink.Enum(&c.Format, formats...), "format", "how records look: `auto|json|pretty|logfmt`; auto is pretty on a terminal and JSON otherwise")
}

// Defaults implements [sink.Defaulter].
func (c *Config) Defaults() map[string]string { return map[string]string{"linger": "5ms"} }

// SetURL implements [sink.Opener]. Nothing may stand between the scheme and the
// parameters.
func (c *Config) SetURL(u *url.URL) error {
	if u.Host != "" || u.Path != "" || u.Opaque != "" || u.User != nil {
		return fmt.Errorf("%s has no host, path or user; write %[1]s:// or %[1]s://?format=json", u.Scheme)
	}
	return nil
}

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// New returns the sink. The error tells when the file is closed.
func New(c Config) (sink.Sink, error) {
	if c.File == nil {
		c.File = os.Stdout
	}
	if err := sink.Enum(&c.Format, formats...).Set(cmp.Or(c.Format, Auto)); err != nil {
		return nil, fmt.Errorf("console: format %q: %w", c.Format, err)
	}
	name := nameOf(c.File)
	file, err := duplicate(c.File)
	if err != nil {
		return nil, fmt.Errorf("console: %s: %w", name, closedIfBad(err))
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("console: %s: %w", name, err), file.Close())
	}
	stream := acquireStream(info, c.File)
	return &console{
		name:   name,
		stream: stream,
		lines:  lines.NewWriter(stream.Stream, limitOf(info.Mode()), formatOf(c.Format, terminalOf(file))),
		out:    descriptor{file: file},
	}, nil
}

func nameOf(f *os.File) string {
	switch f {
	case os.Stdout:
		return "standard output"
	case os.Stderr:
		return "standard error"
	}
	return f.Name()
}

// terminal says what a descriptor can show.
type terminal struct {
	is     bool // a terminal
	colors bool
}

// formatOf returns how records look on t.
func formatOf(format string, t terminal) lines.Format {
	if format == Auto {
		format = JSON
		if t.is {
			format = Pretty
		}
	}
	switch format {
	case Pretty:
		color := t.colors && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		return func(dst []byte, r sink.Record) []byte { return encode.AppendPretty(dst, r.JSON, color) }
	case Logfmt:
		return func(dst []byte, r sink.Record) []byte { return encode.AppendLogfmt(dst, r.JSON) }
	}
	return lines.JSON
}

// largeWrite keeps the memory for lines small; larger writes are no faster.
const largeWrite = 64 << 10

// limitOf returns how many bytes a write of several lines may have. Writes to files and
// terminals are not interleaved at any size.
func limitOf(mode fs.FileMode) int {
	if mode.IsRegular() || mode&fs.ModeCharDevice != 0 {
		return largeWrite
	}
	return pipeBuf
}

// console is the sink.
type console struct {
	name   string
	stream *stream
	lines  *lines.Writer
	out    descriptor
}

// Write implements [sink.Sink].
func (c *console) Write(ctx context.Context, batch []sink.Record) error {
	if err := c.lines.Acquire(ctx); err != nil {
		return fmt.Errorf("console: %s: another writer is stuck: %w", c.name, err)
	}
	defer c.lines.Release()
	c.out.setDeadline(ctx)
	err := c.lines.Write(ctx, &c.out, batch)
	if err == nil {
		return nil
	}
	if isGone(err) {
		return &sink.Error{Err: fmt.Errorf("console: %s: the reader is gone: %w", c.name, err), Verdict: sink.Gone}
	}
	var partial *sink.Error
	if errors.As(err, &partial) {
		partial.Err = fmt.Errorf("console: %s: %w", c.name, partial.Err)
		return partial
	}
	return fmt.Errorf("console: %s: %w", c.name, err)
}

// Close implements [sink.Sink]. A Write that is stuck keeps the descriptor open until
// it returns.
func (c *console) Close() error {
	c.stream.release()
	return c.out.close()
}
