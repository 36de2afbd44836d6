package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

const pipeHelp = `Usage: fapilog pipe [flags]

Carries standard input, line by line, to the sinks named in FAPILOG_SINKS, or to
the console when that is not set. A line that is a JSON object is passed on as it
is, save for masked secrets; any other line becomes the message of a record.

Flags:
%s
Example:
  app 2>&1 | FAPILOG_SINKS=stdout://,file:/var/log/app.log fapilog pipe

When the journal is full, reading waits for the sinks that work. A sink is not
waited for while its circuit is open or it is parked, as it is when its
destination refuses the credentials: the oldest lines are evicted. One that is
gone, such as a console whose reader has ended, gets no more lines. What a sink
loses is counted, and the exit status is 3. With stdout?breaker=false there is no
circuit: a reader that pauses makes pipe wait however long it does.

With FAPILOG_JOURNAL=DIR the journal is kept in DIR: lines that pipe has read
survive its end, however that comes, and the next pipe with that DIR delivers
them first. See fapilog help journal.

At the end of the input pipe waits until every sink has everything. SIGINT or
SIGTERM allows --grace for all that is left. The last lines of a program that the
same Ctrl-C ends are not lost: pipe reads on until the end of the input, until
nothing has come for 500ms, or for half of --grace. A second signal ends
everything at once.

The last line on standard error is the ledger: one JSON object that says what
became of every line. The exit status is
  0  every line was delivered to every sink
  2  the command line or the configuration is wrong; nothing was opened
  3  something was dropped, quarantined or left, or the input could not be read
`

// maxLine is how much of a line is kept, in bytes: as much as a record can hold
// by default (see fapilog.Config.MaxRecord). The pipeline is told how long the
// line was.
const maxLine = 256 << 10

// limitFlags are the flags of a command, those for a session's limits among them.
type limitFlags struct {
	*flags
	drain, grace sink.Duration
}

func newLimitFlags(command string) *limitFlags {
	f := &limitFlags{flags: newFlags(command), drain: sink.Duration(time.Minute)}
	f.Var(&f.drain, "drain", "at the end of the input, give up when no sink has made progress for this `time`;\n0: never (default 1m)")
	f.Var(&f.grace, "grace", "`time` for all that is left after SIGINT or SIGTERM, and for the last attempts;\n0: no waiting (default FAPILOG_GRACE, or 10s)")
	return f
}

func newPipeFlags() *limitFlags { return newLimitFlags("pipe") }

// limits returns what the flags and cfg say.
func (f *limitFlags) limits(cfg fapilog.Config) limits {
	l := limits{drain: time.Duration(f.drain), grace: max(0, cfg.Grace)}
	if f.given("grace") {
		l.grace = time.Duration(f.grace)
	}
	return l
}

func pipe(std streams, args []string) int {
	f := newPipeFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog pipe: %v", err)
	} else if help {
		printPipeHelp(std.out)
		return exitOK
	}
	cfg, err := fapilog.ConfigFromEnv()
	if err != nil {
		return configError(std.err, err)
	}
	cfg = forPipe(cfg)
	s, err := openPipe(cfg, f.limits(cfg), std.in, std.err)
	if err != nil {
		return configError(std.err, err)
	}
	signals, release := terminations()
	defer release()
	return s.run(signals)
}

// openPipe opens the pipeline for the lines of in. The caller runs the session,
// which closes it.
func openPipe(cfg fapilog.Config, l limits, in io.Reader, stderr io.Writer) (*session, error) {
	s := &session{gone: noteGone(&cfg), limits: l, stderr: stderr}
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	s.pipeline, s.feed = p, func(ends ends) error { return pipeLines(ends, in, p) }
	return s, nil
}

// pipeLines offers every line of in to the pipeline. After the first signal a
// silent input is one that has nothing more to say.
func pipeLines(ends ends, in io.Reader, p *fapilog.Pipeline) error {
	err := copyLines(ends.reading, ends.patience.Done(), in, &splitter{limit: maxLine, emit: func(line []byte, size int64) {
		_ = p.WriteLine(context.Background(), line, size) // the ledger counts it, whatever becomes of it
	}})
	if err != nil {
		return fmt.Errorf("pipe: reading standard input: %w", err)
	}
	return nil
}

func printPipeHelp(w io.Writer) { fmt.Fprintf(w, pipeHelp, newPipeFlags().describe()) }

// forPipe fills in what nobody has set. No line is filtered by accident: what
// the program wrote is wanted, whatever level it has. And a full journal makes
// the program wait, as any pipe does, rather than lose lines.
func forPipe(cfg fapilog.Config) fapilog.Config {
	if cfg.Level == nil {
		cfg.Level = slog.Level(math.MinInt)
	}
	if cfg.Defaults.OnFull == 0 {
		cfg.Defaults.OnFull = fapilog.Block
	}
	if cfg.Defaults.BlockTimeout == 0 {
		cfg.Defaults.BlockTimeout = fapilog.Forever
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	return cfg
}
