package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/child"
)

const runHelp = `Usage: fapilog run [flags] -- COMMAND [ARGUMENT]...

Runs a program and carries what it writes to standard output and standard error,
line by line, to the sinks named in FAPILOG_SINKS or by --sink, or to the console
when there are none. A line that is a JSON object is passed on as it is, save for
masked secrets; any other line becomes the message of a record with
"stream":"stdout" or "stream":"stderr". Lines of one stream stay in their order.

Flags:
%s
Example:
  fapilog run --sink stdout --sink file:/var/log/app.jsonl -- app --port 8080
  fapilog run --admin 9090 --multiline '^\d{4}-' -- java -jar app.jar

The program has this command's standard input, environment and directory. Signals
are passed on to it (but for CHLD, PIPE, URG, TTIN, TTOU, XCPU, XFSZ, and what the
terminal has sent to it as well, such as Ctrl-C), and nothing else happens while it
lives: no time is limited, and when every sink has ended the program is heard all the
same. Nothing is written but what sinks and journal are told to write. As process 1 of
a container run collects orphaned processes.

The program never waits for sinks: when the journal is full the oldest lines are
evicted and counted. With --block it waits for those that work, as it would for any
pipe that is full. See fapilog help pipe.

After the program's end its output is read for 1s more at most, for a process that
it has left behind may hold it. Then --grace bounds all that is left. A second
SIGINT, SIGTERM, SIGHUP or SIGQUIT, at least one of them after the program's end,
ends that at once; what comes within 500ms of the first is the same one.
With FAPILOG_JOURNAL=DIR what is left outlives run, and the next one delivers it.

The last line on standard error is the ledger: one JSON object that says what
became of every line. The exit status is that of the program, and
  2         the command line or the configuration is wrong; it was not started
  3         with --strict: the program's was 0, but something was dropped,
            quarantined or left, or another process held its output
  126, 127  it cannot be executed; it is not found
  128+n     signal n has ended it
`

// runFlags are the flags of run.
type runFlags struct {
	*carryFlags
	block, strict bool
}

func newRunFlags() *runFlags {
	f := &runFlags{carryFlags: newCarryFlags("run")}
	f.Lookup("grace").Usage = "`time` for what is left when the program has ended and its output is read;\n0: no waiting (default FAPILOG_GRACE, or 10s)"
	f.BoolVar(&f.block, "block", false, "when the journal is full, have the program wait for the sinks that work")
	f.BoolVar(&f.strict, "strict", false, "exit with 3 in place of 0 unless every line was delivered to every sink")
	return f
}

func printRunHelp(w io.Writer) { fmt.Fprintf(w, runHelp, newRunFlags().describe()) }

// parse returns the program and its arguments.
func (f *runFlags) parse(args []string) (program []string, help bool, err error) {
	if help, err = f.parseLeading(args); help || err != nil {
		return nil, help, err
	}
	if f.NArg() == 0 || f.Arg(0) == "" {
		return nil, false, errors.New("the command is missing: name it, as in fapilog run -- app --port 8080")
	}
	return f.Args(), false, f.check()
}

// config is that of carryFlags, with what run prefers.
func (f *runFlags) config() (fapilog.Config, error) {
	cfg, err := f.carryFlags.config()
	if err != nil {
		return cfg, err
	}
	if f.block {
		cfg.Defaults.OnFull = fapilog.Block
		return forPipe(cfg), nil
	}
	return forLines(cfg), nil
}

func run(std streams, args []string) int {
	f := newRunFlags()
	program, help, err := f.parse(args)
	if err != nil {
		return usageError(std.err, "fapilog run: %v", err)
	} else if help {
		printRunHelp(std.out)
		return exitOK
	}
	cfg, err := f.config()
	if err != nil {
		return configError(std.err, err)
	}
	s, err := f.open(cfg, f.limits(cfg), std)
	if err != nil {
		return configError(std.err, err)
	}
	return f.runProgram(s, program)
}

// runProgram starts the program, carries its output to the end and returns the exit
// status.
func (f *runFlags) runProgram(s *session, program []string) int {
	c, err := child.Start(program)
	if err != nil {
		return notStarted(s, program, err)
	}
	stop := make(chan struct{}) // closed when signals are nobody's any more
	defer close(stop)
	signals := c.Forward(stop)

	s.gone = nil // nobody reads in the sinks' place: the program would get SIGPIPE
	s.feed = func(ends ends) error { return f.carryBoth(ends, c, s.lines) }
	carried := s.runUntil(watchProgram(c.Exited(), signals, s.limits.grace))
	_, _ = c.Stdout.Close(), c.Stderr.Close() // one that somebody holds would be read for ever
	if status := c.Wait(); status != 0 || !f.strict {
		return status
	}
	return carried
}

// notStarted ends a session that has nothing to carry but what an earlier process
// has left.
func notStarted(s *session, program []string, err error) int {
	told := maskedIn(program).Error(err) // a URI may stand where the program should
	if strings.Contains(program[0], "://") {
		told = fmt.Errorf("%w; a sink is given with --sink, before the --", told)
	}
	s.feed = func(ends) error { return fmt.Errorf("run: %w", told) }
	signals, release := terminations()
	defer release()
	ends := watch(signals, s.limits.grace)
	ends.endPatience()
	s.runUntil(ends)
	var start *child.StartError
	if errors.As(err, &start) {
		return start.Status
	}
	return exitIncomplete
}

// carryBoth offers every line of both streams to the pipeline, and returns when the
// program has ended too: it may have closed them before. A program that writes to
// one of them waits for nobody who reads the other.
func (f *runFlags) carryBoth(ends ends, c *child.Child, p *fapilog.Pipeline) error {
	var outErr, errErr error
	var both sync.WaitGroup
	both.Go(func() { outErr = f.carryStream(ends.reading, c.Stdout, "stdout", p) })
	both.Go(func() { errErr = f.carryStream(ends.reading, c.Stderr, "stderr", p) })
	both.Wait()
	<-c.Exited()
	return errors.Join(outErr, errErr)
}

// carryStream is carry for one stream. What lay in the pipe when the program ended is
// read even if the sinks were waited for in between. That somebody still holds the
// stream when it is read no more is an error.
func (f *runFlags) carryStream(ctx context.Context, r io.Reader, name string, p *fapilog.Pipeline) error {
	stream := &heard{Reader: r}
	err := carry(ctx, source{Reader: stream, held: maxHeld}, name, f.carryFlags, p, slog.String("stream", name))
	if err == nil && !stream.ended.Load() {
		return fmt.Errorf("run: %s is held by a process that the program has left behind; it is read no more", name)
	}
	return err
}

// heard is a stream that knows whether it has been read to its end.
type heard struct {
	io.Reader
	ended atomic.Bool
}

// Read implements io.Reader.
func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if err != nil {
		h.ended.Store(true)
	}
	return n, err
}

// lingering is how long the output of a program that has ended is read. A variable, so
// that no time limit decides the tests of processes.
var lingering = time.Second
