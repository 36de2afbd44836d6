package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

const checkHelp = `Usage: fapilog check [flags]

Validates the configuration, which is that of the environment, and says what
would run: the journal, and each sink with its settings and what becomes of
records while its circuit is open. Secrets are masked. Nothing is opened or
created, but it looks whether the journal's directory is fit for the user who runs
check. Mistakes are told in the words in which a start would tell them.

Flags:
%s
Example:
  FAPILOG_SINKS=stdout://,file:/var/log/app.log fapilog check --ping
  fapilog check --as run --block --sink 'file:/var/log/app.log?max-size=1GiB'

With --ping each sink is opened, asked whether its destination is there if it can
find that out, and closed, within its timeout. No record is delivered.

The exit status is
  0  all is well
  2  the command line or the configuration is wrong; nothing was opened
  3  a sink could not be opened, or its destination does not answer
`

// checkFlags are the flags of check.
type checkFlags struct {
	*flags
	carry           carryFlags // its sinks
	as              string
	block           bool          // that of run
	grace           sink.Duration // that of run, pipe and tail, if it was given
	ping, all, json bool
}

func newCheckFlags() *checkFlags {
	f := &checkFlags{flags: newFlags("check")}
	f.Func("sink", "check this sink and not those in FAPILOG_SINKS: one `URI`, as there;\nmay be given more than once", f.carry.addSink)
	f.Var(sink.Enum(&f.as, "run", "pipe", "tail", "program"), "as", "show what counts for this `command` where nothing is set: run, pipe or tail,\nor program for a Go program (default run)")
	f.BoolVar(&f.block, "block", false, "show what counts for run with this flag")
	f.Var(&f.grace, "grace", "show what counts for run, pipe or tail with this `time`")
	f.BoolVar(&f.ping, "ping", false, "open each sink, and ask its destination whether it is there")
	f.BoolVar(&f.all, "all", false, "show the settings that have their default values too")
	f.BoolVar(&f.json, "json", false, "print one JSON object, with all settings")
	return f
}

func printCheckHelp(w io.Writer) { fmt.Fprintf(w, checkHelp, newCheckFlags().describe()) }

// parse is that of flags, and checks that the command has the flags that it is to be
// shown with.
func (f *checkFlags) parse(args []string) (help bool, err error) {
	if help, err = f.flags.parse(args); help || err != nil {
		return help, err
	}
	switch {
	case f.block && f.as == "program":
		return false, errors.New("--block is a flag of run; a Go program has FAPILOG_ON_FULL=block and Config.Defaults")
	case f.block && f.as != "run":
		return false, fmt.Errorf("--block is a flag of run; %s waits for sinks without it", f.as)
	case f.given("grace") && f.as == "program":
		return false, errors.New("--grace is a flag of run, pipe and tail; a Go program has FAPILOG_GRACE and Config.Grace")
	}
	return false, nil
}

// config returns the configuration as the command in f.as would use it.
func (f *checkFlags) config() (cfg fapilog.Config, err error) {
	if f.as == "run" {
		cfg, err = (&runFlags{carryFlags: &f.carry, block: f.block}).config()
	} else {
		cfg, err = f.carry.config()
	}
	if err != nil {
		return cfg, err
	}
	if f.as == "pipe" || f.as == "tail" {
		cfg = forPipe(cfg)
	}
	if f.given("grace") {
		cfg.Grace = cmp.Or(time.Duration(f.grace), -1) // 0 would be the default
	}
	return cfg, nil
}

func runCheck(std streams, args []string) int {
	f := newCheckFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog check: %v", err)
	} else if help {
		printCheckHelp(std.out)
		return exitOK
	}
	cfg, err := f.config()
	if err != nil {
		return configError(std.err, err)
	}
	signals, release := terminations()
	defer release()
	found, err := look(cfg, f.ping, signals)
	if err != nil {
		return configError(std.err, err)
	}
	text := found.text(f.all)
	if f.json {
		text = found.json()
	}
	if _, err := std.out.Write(text); err != nil || found.failed() {
		return exitIncomplete
	}
	return exitOK
}

// finding is what check has to tell.
type finding struct {
	*fapilog.Plan
	Pings []pinged `json:"pings,omitempty"` // none: nobody asked for them
}

// pinged is what came of trying out one sink.
type pinged struct {
	Name   string `json:"name"`
	Result string `json:"result"` // one of the constants
	Error  string `json:"error,omitempty"`
}

// What comes of trying out a sink.
const (
	pingOK     = "ok"
	pingNone   = "cannot be pinged" // it could be opened
	pingFailed = "error"
)

// look plans, and pings if that is wanted. A signal ends the pings.
func look(cfg fapilog.Config, ping bool, signals <-chan os.Signal) (finding, error) {
	plan, err := cfg.Plan()
	if err != nil {
		return finding{}, err
	}
	found := finding{Plan: plan}
	if !ping {
		return found, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	results, err := cfg.Ping(ctx)
	for _, r := range results {
		found.Pings = append(found.Pings, pingedOf(r))
	}
	return found, err
}

func pingedOf(r fapilog.PingResult) pinged {
	switch {
	case r.Err != nil:
		return pinged{r.Name, pingFailed, strings.ReplaceAll(r.Err.Error(), "\n", "; ")}
	case r.Pinged:
		return pinged{Name: r.Name, Result: pingOK}
	}
	return pinged{Name: r.Name, Result: pingNone}
}

// failed reports whether something is wrong with a sink.
func (f finding) failed() bool {
	return slices.ContainsFunc(f.Pings, func(p pinged) bool { return p.Result == pingFailed })
}

func (f finding) json() []byte {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // it holds texts only
	}
	return append(text, '\n')
}
