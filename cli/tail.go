package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/follow"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/console"
	"github.com/fapilog/fapilog/sink/file"
)

const tailHelp = `Usage: fapilog tail [flags] FILE...

Follows files, as tail -F does, and carries the lines that are added to them to the
sinks named in FAPILOG_SINKS or by --sink, or to the console when there are none. A
line that is a JSON object is passed on as it is, save for masked secrets; any other
line becomes the message of a record with "file":"FILE".

Flags:
%s
Example:
  fapilog tail --sink file:/srv/all.log /var/log/app.log '/var/log/nginx/*.log'

FILE may be a pattern with * ? and [], quoted for the shell, unless there is a file of
exactly that name which it does not match, such as app[1].log. New files that match it
are followed too, but for compressed ones, such as *.gz; rotated copies that match
would be read twice: name them so that they do not. The file of a --sink, or one that
the console is redirected to, must not be among them. A file that is there when tail
starts is read from its end, one that appears later from its start. Of a file that
does not end with a line's end, the last line waits for it.

A file that is renamed, removed or replaced is read to its end before the new one of
that name, which is begun when the old one has been silent for 1s. Files that were
created and renamed away meanwhile are found: on Linux always, elsewhere and on
network file systems if they still lie beside FILE, under a name such as app.log.1 or
app-20260102.log. A file that is truncated (copytruncate) is read from its start; what
it lost is counted as far as that can be known. A last line without its end that is
cut off again, as after a failed write, is forgotten. Whatever keeps a file from being
read, or was missed, is told on standard error. Every followed file takes a
descriptor, and so do up to 128 rotated ones of each that wait.

With FAPILOG_JOURNAL=DIR tail keeps in DIR/tail how far each file has been read, and
goes on there when it is started again, also with other FILEs besides: no line is
lost, however it ended, under whatever name the file is found beside the other; after a
kill the lines of the last second may come twice, and those that a tail with other
FILEs has read since. With --positions alone the journal is
in memory, and positions move only while every line has been delivered that was read: all
lines since the last such moment come again. Without either tail starts at the files'
ends. What a file of positions holds of other FILEs is kept.

tail waits for sinks rather than lose lines, as pipe does; the files keep what is not
read yet. It ends with SIGINT or SIGTERM, which allow --grace for what has been
written until then. A second signal, 500ms after the first or later, ends everything
at once.

The last two lines on standard error are JSON objects: what was read, {"input":{...}},
and the ledger, which says what became of every line. The exit status is
  0  every line was delivered to every sink
  2  the command line or the configuration is wrong; nothing was opened
  3  something was dropped, quarantined or left, or could not be read
`

// tailFlags are the flags of tail.
type tailFlags struct {
	*carryFlags
	fromStart bool
	positions string
}

func newTailFlags() *tailFlags {
	f := &tailFlags{carryFlags: newCarryFlags("tail")}
	f.operand, f.many, f.path = "FILE", true, true
	f.BoolVar(&f.fromStart, "from-start", false, "read files that are there and have no position from their start")
	f.StringVar(&f.positions, "positions", "", "keep in this `file` how far each file has been read\n(default with FAPILOG_JOURNAL=DIR: in DIR/tail)")
	return f
}

func printTailHelp(w io.Writer) { fmt.Fprintf(w, tailHelp, newTailFlags().describe()) }

func (f *tailFlags) parse(args []string) (help bool, err error) {
	if help, err = f.carryFlags.parse(args); help || err != nil {
		return help, err
	}
	for _, path := range f.values {
		if err := follow.Check(path); err != nil {
			return false, fmt.Errorf("%s: %w", quote(path), err)
		}
	}
	return false, nil
}

func runTail(std streams, args []string) int {
	f := newTailFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog tail: %v", err)
	} else if help {
		printTailHelp(std.out)
		return exitOK
	}
	cfg, err := f.config()
	if err != nil {
		return configError(std.err, err)
	}
	cfg = forPipe(cfg)
	s, err := f.openTail(cfg, f.limits(cfg), std)
	if err != nil {
		return configError(std.err, err)
	}
	signals, release := terminations()
	defer release()
	return s.run(signals)
}

// openTail opens the positions and the pipeline. The caller runs the session, which
// closes both.
func (f *tailFlags) openTail(cfg fapilog.Config, l limits, std streams) (*session, error) {
	outputs := consoles(cfg)
	if err := f.checkSinks(cfg, outputs); err != nil {
		return nil, err
	}
	store, err := f.openStore(cfg.Journal.Dir)
	if err != nil {
		return nil, err
	}
	s, err := f.open(cfg, l, std)
	if err != nil {
		if store != nil {
			err = errors.Join(err, store.Close())
		}
		return nil, err
	}
	t := follow.New(follow.Config{
		Patterns: f.values, FromStart: f.fromStart, Store: store, Hold: time.Duration(f.multiline.timeout), Outputs: outputs,
		Lines:   func(path string) follow.Lines { return newTailLines(f.multiline, path, s.lines) },
		Durable: func() bool { return safe(s.lines) },
		Report:  func(path, text string) { fmt.Fprintf(s.stderr, "fapilog tail: %s: %s\n", path, text) },
	})
	s.feed = func(ends ends) error { return tail(ends, t) }
	s.last = func() []byte {
		t.Close(nothingLeft(s.lines.Stats()))
		return inputLine(t.Summary())
	}
	return s, nil
}

// openStore opens where the positions are kept: in f.positions, else in the journal's
// directory, else nowhere.
func (f *tailFlags) openStore(journal string) (*follow.Store, error) {
	path := f.positions
	if path == "" {
		if journal == "" {
			return nil, nil
		}
		name, err := follow.StoreName(f.values)
		if err != nil {
			return nil, fmt.Errorf("fapilog tail: %w", err)
		}
		path = filepath.Join(journal, "tail", name)
	}
	if follow.Covers(f.values, path) {
		return nil, fmt.Errorf("fapilog tail: the positions would be kept in %q, which is followed itself; name another --positions", path)
	}
	store, err := follow.OpenStore(path)
	if errors.Is(err, follow.ErrInUse) {
		return nil, fmt.Errorf("fapilog tail: the positions in %s are in use: a tail of these files is running; end it, or give each one a FAPILOG_JOURNAL or --positions of its own", path)
	}
	if errors.Is(err, follow.ErrNotPositions) {
		return nil, fmt.Errorf("fapilog tail: %q is no file of positions: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("fapilog tail: positions: %w", err)
	}
	if f.positions == "" {
		store.Beside() // for FILEs that have come to the command line
	}
	return store, nil
}

// checkSinks reports a sink whose own file is followed, or the console's if that was
// redirected to one: each line would come back to it.
func (f *tailFlags) checkSinks(cfg fapilog.Config, outputs []fs.FileInfo) error {
	for _, o := range outputs {
		if follow.CoversFile(f.values, o) {
			return errors.New("fapilog tail: the file that a console sink writes to is followed itself: what is written to it would be read and written again for ever; name other files, or redirect to another one")
		}
	}
	for _, r := range cfg.Routes {
		path := filePath(r.URI)
		if path != "" && follow.Covers(f.values, path) {
			return fmt.Errorf("fapilog tail: the sink's file %q is followed itself: what is written to it would be read and written again for ever; name other files, or another one for the sink", path)
		}
	}
	return nil
}

// filePath returns the path of a file sink's file, or nothing if uri is that of another
// sink.
func filePath(uri string) string {
	if c, ok := openerOf(uri).(*file.Config); ok {
		return c.Path
	}
	return ""
}

// consoles returns the files that standard output and standard error were redirected to,
// where a sink writes to them.
func consoles(cfg fapilog.Config) (files []fs.FileInfo) {
	for _, r := range cfg.Routes {
		c, ok := openerOf(r.URI).(*console.Config)
		if !ok {
			continue
		}
		if info, err := cmp.Or(c.File, os.Stdout).Stat(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
		}
	}
	return files
}

// openerOf returns that of the sink whose URI it is, without its parameters, or nil if the
// URI is malformed: New says so.
func openerOf(uri string) sink.Opener {
	place, _, _ := strings.Cut(uri, "?")
	opener, err := sink.Parse(place, nil)
	if err != nil {
		return nil
	}
	return opener
}

// tail offers the lines of all files to the pipeline until the first signal, and then
// what has been written until now.
func tail(ends ends, t *follow.Follower) error {
	following, cancel := context.WithCancel(ends.patience)
	defer cancel()
	defer context.AfterFunc(ends.reading, cancel)()
	err := t.Finish(ends.reading, t.Run(following))
	switch {
	case errors.Is(err, fapilog.ErrClosed): // the ledger counts the line
		return nil
	case err != nil:
		return fmt.Errorf("tail: %w", err)
	case !t.Summary().Whole():
		return errors.New("tail: some input could not be read, see above")
	}
	return nil
}

// safe reports whether what p has accepted outlives the process, or need not. It is not
// called while p is given lines.
func safe(p *fapilog.Pipeline) bool {
	s := p.Stats()
	if s.Journal != nil && s.Journal.OnDisk {
		return true
	}
	return nothingLeft(s) && nothingLeft(p.Stats()) // a record may have been diverted to a sink that had been looked at
}

// nothingLeft reports whether nothing is left that another process might deliver. What a
// sink has refused it would refuse again, and what the settings let drop is meant to be
// dropped.
func nothingLeft(s fapilog.Stats) bool {
	for _, k := range s.Sinks {
		if k.Pending > 0 || k.Dropped[fapilog.DroppedGone] > 0 {
			return false
		}
	}
	return true
}

// inputLine says what was read, as one JSON object on a line.
func inputLine(s follow.Summary) []byte {
	b, err := json.Marshal(map[string]follow.Summary{"input": s})
	if err != nil {
		return fmt.Appendf(nil, "fapilog tail: the input: %v\n", err)
	}
	return append(b, '\n')
}
