package cli

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/admin"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// maxLine is how much of a line is kept, in bytes, unless FAPILOG_MAX_RECORD says
// otherwise: as much as a record can hold. The pipeline is told how long the line was.
const maxLine = encode.DefaultMaxRecord

// limitFlags are the flags of a command, those for a session's limits among them.
type limitFlags struct {
	*flags
	drain, grace sink.Duration
}

// newLimitFlags returns those of a command whose input ends by itself.
func newLimitFlags(command string) *limitFlags {
	f := newGraceFlags(command)
	f.addDrain()
	return f
}

func newGraceFlags(command string) *limitFlags {
	f := &limitFlags{flags: newFlags(command)}
	f.Var(&f.grace, "grace", "`time` for all that is left after SIGINT, SIGTERM or SIGHUP, and for the last\nattempts; 0: no waiting (default FAPILOG_GRACE, or 10s)")
	return f
}

func (f *limitFlags) addDrain() {
	f.drain = sink.Duration(time.Minute)
	f.Var(&f.drain, "drain", "at the end of the input, give up when no sink has made progress for this `time`;\n0: never (default 1m)")
}

// limits returns what the flags and cfg say.
func (f *limitFlags) limits(cfg fapilog.Config) limits {
	l := limits{drain: time.Duration(f.drain), grace: max(0, cfg.Grace)}
	if f.given("grace") {
		l.grace = time.Duration(f.grace)
	}
	return l
}

// carryFlags are the flags of every command that carries lines to sinks: pipe,
// run, tail.
type carryFlags struct {
	*limitFlags
	sinks     []string // URIs; none: those in FAPILOG_SINKS
	admin     address
	progress  bool
	multiline multiline
}

func newCarryFlags(command string) *carryFlags {
	f := &carryFlags{limitFlags: newGraceFlags(command), progress: true, multiline: newMultiline()}
	f.Func("sink", "carry to this sink and not to those in FAPILOG_SINKS: one `URI`, as there;\nmay be given more than once", f.addSink)
	f.Var(&f.admin, "admin", "serve metrics, health and the ledger by HTTP on this `address`, such as 9090;\nwithout a host on the loopback interface alone")
	f.BoolVar(&f.progress, "progress", true, "show on standard error how things go, if that is a terminal, no sink writes to\none, and neither NO_COLOR nor TERM=dumb is set; --progress=false: do not")
	f.multiline.bind(f.FlagSet)
	return f
}

func (f *carryFlags) addSink(uri string) error {
	if strings.TrimSpace(uri) == "" {
		return errors.New("want a URI such as stdout")
	}
	f.sinks = append(f.sinks, uri)
	return nil
}

// parse is that of flags, and checks that the flags fit together.
func (f *carryFlags) parse(args []string) (help bool, err error) {
	if help, err = f.flags.parse(args); help || err != nil {
		return help, err
	}
	return false, f.check()
}

// check reports flags that have no meaning without another one.
func (f *carryFlags) check() (err error) {
	if f.multiline.begins != nil {
		return nil
	}
	f.Visit(func(g *flag.Flag) {
		if strings.HasPrefix(g.Name, "multiline-") {
			err = fmt.Errorf("--%s is of no use without --multiline", g.Name)
		}
	})
	return err
}

// config returns the configuration: the sinks of the flags, or those of the
// environment, and all else from there.
func (f *carryFlags) config() (fapilog.Config, error) {
	cfg, err := fapilog.ConfigFromEnv(f.sinks...)
	if err != nil {
		return cfg, err
	}
	return cfg, f.multiline.setLine(cmp.Or(cfg.MaxRecord, maxLine))
}

// open opens the pipeline, and the admin page and the progress if they are wanted.
// The caller sets the session's feed and runs it, which closes all of them. If
// there is an error nothing is left open.
func (f *carryFlags) open(cfg fapilog.Config, l limits, std streams) (*session, error) {
	s := &session{limits: l, stderr: std.err}
	listener, err := f.admin.listen()
	if err != nil {
		return nil, err
	}
	if f.progress {
		s.progress = newProgress(std, cfg)
	}
	if s.progress != nil {
		s.stderr = s.progress
		if cfg.Diagnostics == nil {
			cfg.Diagnostics = slog.New(slog.NewTextHandler(s.progress, nil))
		}
	}
	s.gone = noteGone(&cfg)
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
		return nil, err
	}
	s.pipeline, s.lines = p, p
	if listener != nil {
		s.page = servePage(listener, admin.Handler(p))
		fmt.Fprintf(s.stderr, "fapilog: admin page on http://%s\n", listener.Addr())
	}
	return s, nil
}

// forLines fills in what nobody has set. No line is filtered by accident: what
// the program wrote is wanted, whatever level it has.
func forLines(cfg fapilog.Config) fapilog.Config {
	if cfg.Level == nil {
		cfg.Level = sink.LevelAll
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	return cfg
}

// forPipe is forLines for an input that can wait: a full journal makes it, as any
// pipe does, rather than lose lines.
func forPipe(cfg fapilog.Config) fapilog.Config {
	if cfg.Defaults.OnFull == 0 {
		cfg.Defaults.OnFull = fapilog.Block
	}
	if cfg.Defaults.BlockTimeout == 0 {
		cfg.Defaults.BlockTimeout = fapilog.Forever
	}
	return forLines(cfg)
}
