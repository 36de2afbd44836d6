package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/sink"
)

const replayHelp = `Usage: fapilog journal replay [flags] DIR --to URI

Sends records that are in the journal in DIR to a sink again: what it lost, or
what another one is to have as well. Records keep their ids, times, levels and
bytes, so a destination that keeps ids recognises those that it has. Nothing in
DIR changes, and replay may run beside the processes that use it: what they still
have to deliver they deliver all the same.

In place of DIR it takes a quarantine file, as NAME.jsonl, or a directory of them.

Flags:
%s
Example:
  fapilog journal replay /var/lib/app/journal --from 2026-11-22T03:00:00Z --until 30m --to loki://logs:3100
  fapilog journal replay /var/lib/app/journal/quarantine/loki.jsonl --to file:/tmp/refused.log

T is a time by RFC 3339, or how long ago, as 90s, 2h, 3d: of the records' own
times, and a record without one is older than every T. ID is a record's id, as
quarantine files and sinks show it. Records are in the order of lives, and in
each in the order in which they were logged; those of a quarantine file are in
its order.

The sink takes the parameters of FAPILOG_SINKS, and the FAPILOG_ variables count
but for FAPILOG_SINKS, FAPILOG_JOURNAL and FAPILOG_QUARANTINE: what the sink
refuses once more is counted as dropped, for it is where it was. Records of all
levels are sent unless a level is set.

SIGINT, SIGTERM or SIGHUP stops the reading and allows --grace for what has been read; a
second signal, 500ms after the first or later, ends everything at once.

The last line on standard error is the ledger: one JSON object that says what
became of every record. The exit status is
  0  every record that was asked for was delivered
  2  the command line or the configuration is wrong; nothing was opened
  3  something was dropped or left, or DIR or records in it could not be read
`

// replayFlags are the flags of journal replay.
type replayFlags struct {
	*limitFlags
	to          []string
	sink        string
	from, until bound
}

func newReplayFlags() *replayFlags {
	f := &replayFlags{limitFlags: newLimitFlags("replay")}
	f.operand, f.path = "DIR, the directory of a journal, or a quarantine file,", true
	f.Func("to", "the sink, a `URI` as in FAPILOG_SINKS; may be given more than once", func(s string) error {
		f.to = append(f.to, s)
		return nil
	})
	f.Var(&f.from, "from", "only records from this on: `T|ID`, a time, how long ago, or a record's id")
	f.Var(&f.until, "until", "only records up to this one, and it: `T|ID`")
	f.StringVar(&f.sink, "sink", "", "only what the sink of this name, `KEY` as inspect shows it, has not settled")
	return f
}

func printReplayHelp(w io.Writer) { fmt.Fprintf(w, replayHelp, newReplayFlags().describe()) }

// records are what is to be replayed.
type records = iter.Seq2[sink.Record, error]

// parse is that of flags, and checks that there may be something between the bounds.
func (f *replayFlags) parse(args []string) (help bool, err error) {
	if help, err = f.limitFlags.parse(args); help || err != nil {
		return help, err
	}
	if f.until.before(f.from) {
		return false, fmt.Errorf("--until %s is before --from %s", f.until.text, f.from.text)
	}
	return false, nil
}

func replay(std streams, args []string) int {
	f := newReplayFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog journal replay: %v", err)
	} else if help {
		printReplayHelp(std.out)
		return exitOK
	}
	if len(f.to) == 0 {
		return usageError(std.err, "fapilog journal replay: --to is missing: name the sink, as in --to file:/tmp/again.log")
	}
	cfg, err := fapilog.ConfigFromEnv(f.to...)
	if err != nil {
		return configError(std.err, err)
	}
	cfg = forReplay(cfg)
	found, err := f.find()
	if errors.Is(err, archive.ErrUnknown) {
		return usageError(std.err, "fapilog %v", err)
	} else if err != nil {
		fmt.Fprintf(std.err, "fapilog %v\n", err)
		return exitIncomplete
	}
	s, err := openReplay(cfg, f.limits(cfg), found, std.err)
	if err != nil {
		return configError(std.err, err)
	}
	signals, release := terminations()
	defer release()
	return s.run(signals)
}

// forReplay fills in what nobody has set, and takes out what is about the journal
// of another process. A quarantine might be the very file that is replayed.
func forReplay(cfg fapilog.Config) fapilog.Config {
	if cfg.Journal.Dir != "" {
		cfg.Journal = journal.Config{} // the sizes are that one's as well
	}
	cfg.Defaults.Quarantine = ""
	return forPipe(cfg)
}

// find returns the records that the flags ask for. Nothing of it is read before
// it is ranged over.
func (f *replayFlags) find() (records, error) {
	info, err := os.Stat(f.value)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	files, err := quarantineFiles(f.value, info)
	switch {
	case err != nil:
		return nil, err
	case files == nil:
		return f.archived()
	case f.sink != "":
		return nil, fmt.Errorf("journal replay: --sink is %w: it is about a journal, and %s holds quarantined records", archive.ErrUnknown, f.value)
	}
	return quarantined(files, f.from, f.until)
}

// archived returns records of a journal.
func (f *replayFlags) archived() (records, error) {
	all, err := archive.Records(f.value, archive.Query{From: f.from.Bound, Until: f.until.Bound, Unsettled: f.sink})
	if err != nil {
		return nil, err
	}
	return func(yield func(sink.Record, error) bool) {
		for r, err := range all {
			if !yield(sink.Record{ID: sink.ID{Journal: r.ID.Life, Seq: r.ID.Seq}, Time: r.Time, Level: r.Level, JSON: r.Data}, err) {
				return
			}
		}
	}, nil
}

// openReplay opens the sinks for the records. The caller runs the session, which
// closes them.
func openReplay(cfg fapilog.Config, l limits, found records, stderr io.Writer) (*session, error) {
	s := &session{gone: noteGone(&cfg), limits: l, stderr: stderr}
	r, err := fapilog.NewReplayer(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	s.pipeline, s.feed = r, func(ends ends) error { return feedRecords(ends, found, r) }
	return s, nil
}

// shownErrors is how many records that cannot be read are told of one by one.
const shownErrors = 10

// feedRecords offers the records to the sinks. The first signal ends it.
func feedRecords(ends ends, found records, r *fapilog.Replayer) error {
	var told []string
	failed := 0
	for record, err := range found {
		if ends.patience.Err() != nil || ends.reading.Err() != nil {
			told = append(told, "ended before everything was read")
			failed++
			break
		}
		if err == nil {
			err = r.Write(context.Background(), record)
		}
		if errors.Is(err, fapilog.ErrClosed) {
			continue // the ledger counts it, and the next look at ends is the last
		}
		if err != nil {
			if failed++; failed <= shownErrors {
				told = append(told, strings.TrimPrefix(err.Error(), "journal: "))
			}
		}
	}
	if failed > len(told) {
		told = append(told, fmt.Sprintf("and %d more like these", failed-len(told)))
	}
	if told == nil {
		return nil
	}
	return fmt.Errorf("journal replay: %s", strings.Join(told, "\njournal replay: "))
}
