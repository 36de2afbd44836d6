package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/fapilog/fapilog/journal/archive"
)

const inspectHelp = `Usage: fapilog journal inspect [flags] DIR

Says what the journal in DIR holds. It takes no lock, changes nothing, and may run
beside the processes that use DIR; then it shows what was true at some moment
while it read.

A life is what one process has written, or is writing. The ones that are not in
use are drained, the earliest first, by the process that opens DIR next. A life is
seen to be in use only where its process can be seen: not from another container.

For each sink a life lists
  pending      records of this life that the sink has not settled, and their size
  oldest       how old the first of them is
  delivered, filtered, diverted, quarantined, dropped
               what became of the others

Flags:
%s
Example:
  fapilog journal inspect --verify /var/lib/app/journal

The exit status is
  0  all is well
  2  the command line is wrong
  3  DIR cannot be read or is not a journal, or something in it is damaged
`

// inspectFlags are the flags of journal inspect.
type inspectFlags struct {
	*flags
	verify, json bool
}

func newInspectFlags() *inspectFlags {
	f := &inspectFlags{flags: newFlags("inspect")}
	f.operand, f.path = "DIR, the directory of a journal,", true
	f.BoolVar(&f.verify, "verify", false, "read every record, and count those that are damaged")
	f.BoolVar(&f.json, "json", false, "print one JSON object, with everything about every segment")
	return f
}

func printInspectHelp(w io.Writer) { fmt.Fprintf(w, inspectHelp, newInspectFlags().describe()) }

func inspect(std streams, args []string) int {
	f := newInspectFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog journal inspect: %v", err)
	} else if help {
		printInspectHelp(std.out)
		return exitOK
	}
	look := archive.Inspect
	if f.verify {
		look = archive.Verify
	}
	r, err := look(f.value)
	if err != nil {
		fmt.Fprintf(std.err, "fapilog %v\n", err)
		return exitIncomplete
	}
	if f.json {
		err = json.NewEncoder(std.out).Encode(r)
	} else {
		_, err = std.out.Write(appendReport(nil, r, f.verify, time.Now()))
	}
	if err != nil || r.Damage() > 0 || len(r.Problems) > 0 {
		return exitIncomplete
	}
	return exitOK
}
