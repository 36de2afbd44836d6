// Package cli is the command fapilog: it does for any program's output what
// package fapilog does for the records of a Go program.
//
// It uses the sinks whose packages are linked into the program, so that a
// command with more sinks is a main function with more imports.
package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// The exit statuses.
const (
	exitOK         = 0 // everything was delivered
	exitUsage      = 2 // the command line or the configuration is wrong; nothing was done
	exitIncomplete = 3 // anything else
)

const help = `Usage: fapilog COMMAND [flags]

fapilog carries a program's output to several destinations at once, and keeps
doing so while some of them fail.

Commands:
  pipe     carry standard input to sinks
  run      run a program and carry its output to sinks
  tail     follow files and carry what is added to them to sinks
  check    say what a configuration would run, or what is wrong with it
  sinks    say what sinks there are, and their parameters
  journal  look into the directory of a journal, or send its records to a sink again
  version  print the version
  help     print this, or the help of a command: fapilog help pipe

Example:
  app 2>&1 | FAPILOG_SINKS=stdout://,file:/var/log/app.log fapilog pipe
  fapilog run --sink stdout --sink file:/var/log/app.log -- app --port 8080
`

// streams are the standard streams of a run. The console sink does not use them:
// it writes to the descriptors of the process.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is a subcommand. Its run returns the exit status.
type command func(std streams, args []string) int

func commands() map[string]command {
	return map[string]command{
		"pipe": pipe, "run": run, "tail": runTail, "check": runCheck, "sinks": runSinks,
		"journal": runJournal, "version": version, "help": printHelp,
	}
}

// Main runs the command with the arguments that follow the program's name, and
// returns its exit status: 0 for success, 2 for a wrong command line or
// configuration, 3 for anything else; that of run is its program's. The settings come
// from the environment and the arguments.
//
// While it runs, SIGINT, SIGTERM and SIGHUP are the command's: the first ends it in
// good order, a second one half a second later or more at once. With run they and most others are its program's.
// Writing to a closed standard output or error does not end the process. After an interrupted run a goroutine may be left that
// waits for stdin. Main is meant to be called once, by a main function.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	defer surviveBrokenPipes()()
	if len(args) == 0 {
		// A forgotten subcommand at the end of a pipeline must not look like success.
		fmt.Fprint(stderr, help)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch {
	case isHelp(name):
		name = "help"
	case name == "-version" || name == "--version":
		name = "version"
	}
	run, ok := commands()[name]
	if !ok {
		return usageError(stderr, "fapilog: unknown command %s%s", quote(name), didYouMean(strings.TrimLeft(name, "-"), commandNames(), ""))
	}
	return run(streams{stdin, stdout, stderr}, rest)
}

func commandNames() (names []string) {
	for name := range commands() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// topics are the commands that have a help text of their own.
func topics() map[string]func(io.Writer) {
	return map[string]func(io.Writer){
		"pipe": printPipeHelp, "run": printRunHelp, "tail": printTailHelp,
		"check": printCheckHelp, "sinks": printSinksHelp,
		"journal":         printJournalHelp,
		"journal inspect": printInspectHelp, "journal replay": printReplayHelp,
	}
}

// printHelp prints the general help, or that of the command it is asked for.
func printHelp(std streams, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(std.out, help)
		return exitOK
	}
	if !slices.Contains(commandNames(), args[0]) {
		return usageError(std.err, "fapilog help: unknown command %s%s", quote(args[0]), didYouMean(args[0], commandNames(), ""))
	}
	print, ok := topics()[strings.Join(args, " ")]
	switch {
	case ok:
		print(std.out)
	case len(args) > 1:
		return usageError(std.err, "fapilog help: unexpected argument %s", quote(args[1]))
	default:
		fmt.Fprint(std.out, help)
	}
	return exitOK
}

// usageError prints a mistake on the command line, which begins with the command
// that it is about: "fapilog run: …".
func usageError(stderr io.Writer, format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	command, _, _ := strings.Cut(text, ":")
	topic := strings.TrimPrefix(command, "fapilog")
	if _, ok := topics()[strings.TrimSpace(topic)]; !ok {
		topic = ""
	}
	fmt.Fprintf(stderr, "%s\nRun 'fapilog help%s' for usage.\n", text, topic)
	return exitUsage
}

// configError prints why there is no pipeline.
func configError(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, err)
	return exitUsage
}
