package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/fapilog/fapilog"
)

const pipeHelp = `Usage: fapilog pipe [flags]

Carries standard input, line by line, to the sinks named in FAPILOG_SINKS or by
--sink, or to the console when there are none. A line that is a JSON object is
passed on as it is, save for masked secrets; any other line becomes the message of
a record.

Flags:
%s
Example:
  app 2>&1 | FAPILOG_SINKS=stdout://,file:/var/log/app.log fapilog pipe
  app 2>&1 | fapilog pipe --sink stdout --sink file:app.log --multiline '^\d{4}-'

When the journal is full, reading waits for the sinks that work. A sink is not
waited for while its circuit is open or it is parked, as it is when its
destination refuses the credentials: the oldest lines are evicted. One that is
gone, such as a console whose reader has ended, gets no more lines. What a sink
loses is counted, and the exit status is 3. With stdout?breaker=false there is no
circuit: a reader that pauses makes pipe wait however long it does.

With FAPILOG_JOURNAL=DIR the journal is kept in DIR: lines that pipe has read
survive its end, however that comes, and the next pipe with that DIR delivers
them first. See fapilog help journal.

At the end of the input pipe waits until every sink has everything. SIGINT, SIGTERM
or SIGHUP allows --grace for all that is left. The last lines of a program that the
same Ctrl-C ends are not lost: pipe reads on until the end of the input, until
nothing has come for 500ms, or for half of --grace. A second signal,
500ms after the first or later, ends everything at once.

The last line on standard error is the ledger: one JSON object that says what
became of every line. The exit status is
  0  every line was delivered to every sink
  2  the command line or the configuration is wrong; nothing was opened
  3  something was dropped, quarantined or left, or the input could not be read
`

func newPipeFlags() *carryFlags {
	f := newCarryFlags("pipe")
	f.addDrain()
	return f
}

func pipe(std streams, args []string) int {
	f := newPipeFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog pipe: %v", err)
	} else if help {
		printPipeHelp(std.out)
		return exitOK
	}
	cfg, err := f.config()
	if err != nil {
		return configError(std.err, err)
	}
	cfg = forPipe(cfg)
	s, err := openPipe(f, cfg, f.limits(cfg), std)
	if err != nil {
		return configError(std.err, err)
	}
	signals, release := terminations()
	defer release()
	return s.run(signals)
}

// openPipe opens the pipeline for the lines of standard input. The caller runs the
// session, which closes it.
func openPipe(f *carryFlags, cfg fapilog.Config, l limits, std streams) (*session, error) {
	s, err := f.open(cfg, l, std)
	if err != nil {
		return nil, err
	}
	s.feed = func(ends ends) error {
		// After the first signal a silent input is one that has nothing more to say.
		return carry(ends.reading, source{Reader: std.in, hurry: ends.patience.Done()}, "standard input", f, s.lines)
	}
	return s, nil
}

// carry offers every line of src to the pipeline, with attrs where it becomes a
// record. name is for the error of a read that failed.
func carry(ctx context.Context, src source, name string, f *carryFlags, p *fapilog.Pipeline, attrs ...slog.Attr) error {
	// Whatever becomes of a line, the ledger counts it.
	s := f.multiline.splitter(func(line []byte, size int64) {
		_ = p.WriteLine(context.Background(), line, size, attrs...)
	})
	s.emitAll = func(lines []byte) { _ = p.WriteLines(context.Background(), lines, attrs...) }
	if err := copyLines(ctx, src, s); err != nil {
		return fmt.Errorf("%s: reading %s: %w", f.Name(), name, err)
	}
	return nil
}

func printPipeHelp(w io.Writer) { fmt.Fprintf(w, pipeHelp, newPipeFlags().describe()) }
