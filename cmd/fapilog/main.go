// Command fapilog carries a program's output to several destinations at once.
package main

import (
	"os"

	"github.com/fapilog/fapilog/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
