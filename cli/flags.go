package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/fapilog/fapilog/sink"
)

// flags are the flags of a subcommand, and its other arguments.
type flags struct {
	*flag.FlagSet
	operand string // the name of the one argument besides flags; empty: there is none
	value   string // that argument
}

func newFlags(command string) *flags {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &flags{FlagSet: fs}
}

// parse reports whether help was asked for, or what is wrong with args. Flags may
// stand before and behind the operand.
func (f *flags) parse(args []string) (help bool, err error) {
	for rest := args; ; rest = f.Args()[1:] {
		err = f.Parse(rest)
		switch {
		case errors.Is(err, flag.ErrHelp):
			return true, nil
		case err != nil:
			return false, maskedIn(args).Error(f.explain(err))
		case f.NArg() == 0 && f.operand != "" && f.value == "":
			return false, fmt.Errorf("%s is missing", f.operand)
		case f.NArg() == 0:
			return false, nil
		case f.operand == "" || f.value != "" || f.Arg(0) == "":
			return false, fmt.Errorf("unexpected argument %s%s", quote(f.Arg(0)), didYouMean(f.Arg(0), f.names(), "--"))
		}
		f.value = f.Arg(0)
	}
}

// explain adds the nearest flag to package flag's complaint of an unknown one.
func (f *flags) explain(err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return err
	}
	return fmt.Errorf("unknown flag %s%s", quote("--"+name), didYouMean(name, f.names(), "--"))
}

// maskedIn masks the secrets of arguments, each of which may be a URI by mistake:
// package flag quotes the value that it cannot use.
func maskedIn(args []string) sink.Masker {
	var secrets []string
	for _, arg := range args {
		secrets = append(secrets, sink.Secrets(arg)...)
		if _, value, ok := strings.Cut(arg, "="); ok {
			secrets = append(secrets, sink.Secrets(value)...)
		}
	}
	return sink.NewMasker(secrets...)
}

// quote quotes an argument, which may be a URI by mistake, and long.
func quote(arg string) string {
	return fmt.Sprintf("%.64q", sink.NewMasker(sink.Secrets(arg)...).Text(arg))
}

func (f *flags) names() (names []string) {
	f.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return names
}

// given reports whether the flag stood on the command line.
func (f *flags) given(name string) (given bool) {
	f.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// describe returns the flags' part of a help text.
func (f *flags) describe() string {
	var b strings.Builder
	f.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		if value != "" {
			value = " " + value
		}
		fmt.Fprintf(&b, "  --%s%s\n        %s\n", f.Name, value, strings.ReplaceAll(usage, "\n", "\n        "))
	})
	return b.String()
}
