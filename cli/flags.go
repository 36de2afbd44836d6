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
	operand  string   // the name of the one argument besides flags; empty: there is none
	optional bool     // it may be missing
	many     bool     // there may be more than one
	path     bool     // it is a file's name, or a directory's
	value    string   // the first of them
	values   []string // all of them
}

func newFlags(command string) *flags {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &flags{FlagSet: fs}
}

// parse reports whether help was asked for, or what is wrong with args. Flags may
// stand before and behind an operand.
func (f *flags) parse(args []string) (help bool, err error) {
	for rest := args; ; rest = f.Args()[1:] {
		help, err = f.parseLeading(rest)
		switch {
		case help || err != nil:
			return help, err
		case f.NArg() == 0 && f.operand != "" && !f.optional && f.value == "":
			return false, fmt.Errorf("%s is missing", f.operand)
		case f.NArg() == 0:
			return false, nil
		case f.operand == "" || f.value != "" && !f.many || f.Arg(0) == "":
			return false, fmt.Errorf("unexpected argument %s%s", quote(f.Arg(0)), didYouMean(f.Arg(0), f.names(), "--"))
		case f.path && strings.Contains(f.Arg(0), "://"): // what opens it would tell of it, secrets and all
			return false, fmt.Errorf("want %s and no URI", f.operand)
		}
		f.values = append(f.values, f.Arg(0))
		f.value = f.values[0]
	}
}

// parseLeading parses flags up to the first other argument, or behind --. It and
// what follows are the FlagSet's Args.
func (f *flags) parseLeading(args []string) (help bool, err error) {
	err = f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return true, nil
	case err != nil:
		return false, maskedIn(args).Error(f.explain(err))
	}
	return false, nil
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
		secrets = append(secrets, secretsOf(arg)...)
		if _, value, ok := strings.Cut(arg, "="); ok {
			secrets = append(secrets, secretsOf(value)...)
		}
	}
	return sink.NewMasker(secrets...)
}

// secretsOf returns the secrets of a URI. Where its scheme is not registered, any
// parameter may be one.
func secretsOf(uri string) []string {
	secrets := sink.Secrets(uri)
	scheme, rest, _ := strings.Cut(uri, "://")
	if _, known := sink.NewOpener(strings.ToLower(scheme)); known {
		return secrets
	}
	_, query, _ := strings.Cut(rest, "?")
	for pair := range strings.SplitSeq(query, "&") {
		if _, value, ok := strings.Cut(pair, "="); ok {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

// quote quotes an argument, which may be a URI by mistake, and long.
func quote(arg string) string {
	return fmt.Sprintf("%.64q", sink.NewMasker(secretsOf(arg)...).Text(arg))
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
