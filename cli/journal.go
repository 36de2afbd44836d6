package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

const journalHelp = `Usage: fapilog journal COMMAND [flags] DIR

Looks into the directory of a durable journal, as FAPILOG_JOURNAL names it. It
changes nothing there, and may run beside the processes that use it.

Commands:
  inspect  say what DIR holds: lives, segments, how far each sink is, damage
  replay   send records of DIR, or quarantined ones, to a sink again

Example:
  fapilog journal inspect /var/lib/app/journal
  fapilog journal replay /var/lib/app/journal --from 2h --to file:/tmp/again.log

See fapilog help journal inspect, and fapilog help journal replay.
`

func journalCommands() map[string]command {
	return map[string]command{"inspect": inspect, "replay": replay}
}

func printJournalHelp(w io.Writer) { fmt.Fprint(w, journalHelp) }

// runJournal runs one of its subcommands.
func runJournal(std streams, args []string) int {
	names := slices.Sorted(maps.Keys(journalCommands()))
	switch {
	case len(args) == 0:
		printJournalHelp(std.err)
		return exitUsage
	case isHelp(args[0]):
		printJournalHelp(std.out)
		return exitOK
	}
	run, ok := journalCommands()[args[0]]
	if !ok {
		return usageError(std.err, "fapilog journal: unknown command %s%s", quote(args[0]), didYouMean(args[0], names, ""))
	}
	return run(std, args[1:])
}
