// Command fapilog carries a program's output to several destinations at once. It
// has the sinks of this module; the command in full has those too that are
// modules of their own.
package main

import (
	"os"

	"github.com/fapilog/fapilog/cli"
	_ "github.com/fapilog/fapilog/sink/all"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
