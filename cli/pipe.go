package cli

import (
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

// pipeFlags are the flags of pipe.
type pipeFlags struct {
	*flags
	drain, grace sink.Duration
}

func newPipeFlags() *pipeFlags {
	f := &pipeFlags{flags: newFlags("pipe"), drain: sink.Duration(time.Minute)}
	f.Var(&f.drain, "drain", "at the end of the input, give up when no sink has made progress for this `time`;\n0: never (default 1m)")
	f.Var(&f.grace, "grace", "`time` for all that is left after SIGINT or SIGTERM, and for the last attempts;\n0: no waiting (default FAPILOG_GRACE, or 10s)")
	return f
}

// limits returns what the flags and cfg say.
func (f *pipeFlags) limits(cfg fapilog.Config) limits {
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
		return printPipeHelp(std.out)
	}
	cfg, err := fapilog.ConfigFromEnv()
	if err != nil {
		return configError(std.err, err)
	}
	cfg = forPipe(cfg)
	s, err := open(cfg, f.limits(cfg), std.err)
	if err != nil {
		return configError(std.err, err)
	}
	signals, release := terminations()
	defer release()
	return s.run(std.in, signals)
}

func printPipeHelp(w io.Writer) int {
	fmt.Fprintf(w, pipeHelp, newPipeFlags().describe())
	return exitOK
}

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
