// Command fapilog carries a program's output to several destinations at once. It
// has every sink, those that are modules of their own included.
package main

import (
	"os"

	"github.com/fapilog/fapilog/cli"
	_ "github.com/fapilog/fapilog/sink/all"
	_ "github.com/fapilog/fapilog/sink/cloudwatch"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
