package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/reference"
	"github.com/fapilog/fapilog/sink"
)

const sinksHelp = `Usage: fapilog sinks [flags] [SCHEME]

Lists the sinks that are linked into this program, and those that are not: scheme,
what it does, and the module below github.com/fapilog/fapilog that a Go program needs
for it, if it needs one. With SCHEME, that of a URI, it lists the parameters that such
a URI takes: name, default, meaning.

Flags:
%s
Example:
  fapilog sinks
  fapilog sinks file

The exit status is
  0  it was listed
  2  the command line is wrong, or there is no such sink in this program
`

// fullCommand is the command that has every sink.
const fullCommand = module + "/full/fapilog"

// sinksFlags are the flags of sinks.
type sinksFlags struct {
	*flags
	markdown, variables bool
}

func newSinksFlags() *sinksFlags {
	f := &sinksFlags{flags: newFlags("sinks")}
	f.operand, f.optional = "SCHEME", true
	f.BoolVar(&f.markdown, "markdown", false, "print the tables of the documentation")
	f.BoolVar(&f.variables, "variables", false, "list the environment variables instead")
	return f
}

// parse is that of flags, and checks that the arguments fit together.
func (f *sinksFlags) parse(args []string) (help bool, err error) {
	if help, err = f.flags.parse(args); help || err != nil {
		return help, err
	}
	if f.variables && f.value != "" {
		return false, errors.New("--variables are those for all sinks; leave out SCHEME")
	}
	return false, nil
}

func printSinksHelp(w io.Writer) { fmt.Fprintf(w, sinksHelp, newSinksFlags().describe()) }

func runSinks(std streams, args []string) int {
	f := newSinksFlags()
	if help, err := f.parse(args); err != nil {
		return usageError(std.err, "fapilog sinks: %v", err)
	} else if help {
		printSinksHelp(std.out)
		return exitOK
	}
	page := sinksPage{markdown: f.markdown, general: reference.Settings(fapilog.Parameters())}
	switch {
	case f.variables:
		page.variables(reference.Settings(fapilog.Variables()))
	case f.value == "":
		page.all(reference.All(sink.Schemes()), reference.Absent())
	default:
		scheme, _, _ := strings.Cut(strings.ToLower(f.value), ":") // of a whole URI too
		k, ok := reference.Of(scheme)
		if !ok {
			return usageError(std.err, "fapilog sinks: %v", missing(scheme, f.value))
		}
		page.one(k)
	}
	if _, err := io.WriteString(std.out, page.text.String()); err != nil {
		return exitIncomplete
	}
	return exitOK
}

// missing returns why there is no sink for a scheme, which is that of uri.
func missing(scheme, uri string) error {
	if slices.ContainsFunc(reference.Absent(), func(k reference.Sink) bool { return k.Scheme == scheme }) {
		return fmt.Errorf("%s is not in this program, but in the command built from %s", scheme, fullCommand)
	}
	_, err := sink.Parse(uri, nil)
	return err
}

// sinksPage is what sinks prints.
type sinksPage struct {
	markdown bool
	general  []reference.Setting // what every sink has
	text     strings.Builder
}

// all lists the sinks that there are, and says what others there could be.
func (p *sinksPage) all(sinks, absent []reference.Sink) {
	if p.markdown {
		fmt.Fprintf(&p.text, "%s\n%s", reference.SinksMarkdown(sinks), reference.Markdown("parameter", reference.Prefer(p.general, sinks)))
		return
	}
	table := newSinksTable(sinks, absent)
	p.text.WriteString("Sinks in this program:\n" + table.rows(sinks))
	p.text.WriteString("\nThe parameters of a URI: fapilog sinks SCHEME\nAs variables, for all sinks: fapilog sinks --variables\n")
	if len(absent) > 0 {
		p.text.WriteString("\nNot in this program, but in the command built from " + fullCommand + ":\n" + table.rows(absent))
	}
}

// sinksTable has the widths of the columns of a table of sinks: scheme, what it does,
// module.
type sinksTable struct{ scheme, summary int }

func newSinksTable(groups ...[]reference.Sink) (t sinksTable) {
	for _, k := range slices.Concat(groups...) {
		t.scheme, t.summary = max(t.scheme, len(k.Scheme)), max(t.summary, len(k.Summary))
	}
	return t
}

// rows returns a line for each sink.
func (t sinksTable) rows(sinks []reference.Sink) string {
	var b strings.Builder
	for _, k := range sinks {
		row := fmt.Sprintf("  %-*s  %-*s", t.scheme, k.Scheme, t.summary, k.Summary)
		if k.Module != "" {
			row += "  module " + strings.TrimPrefix(k.Module, module+"/")
		}
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}

func (p *sinksPage) one(k reference.Sink) {
	if p.markdown {
		p.text.WriteString(reference.SinksMarkdown([]reference.Sink{k}))
		return
	}
	p.sink(k)
	if k.Example != "" {
		fmt.Fprintf(&p.text, "\nExample:\n  %s\n", k.Example)
	}
	p.text.WriteString("\nThe parameters of every sink, with the defaults that count for this one:\n" + reference.Text(k.With(p.general), 2))
}

// sink writes the sink's own settings.
func (p *sinksPage) sink(k reference.Sink) {
	fmt.Fprintf(&p.text, "%s:", k.Scheme)
	if k.Summary != "" {
		fmt.Fprintf(&p.text, " %s", k.Summary)
	}
	if len(k.Settings) == 0 {
		p.text.WriteString("\n  no parameters of its own\n")
		return
	}
	p.text.WriteString("\n" + reference.Text(k.Settings, 2))
}

func (p *sinksPage) variables(settings []reference.Setting) {
	if p.markdown {
		p.text.WriteString(reference.Markdown("variable", settings))
		return
	}
	p.text.WriteString(reference.Text(settings, 0))
}
