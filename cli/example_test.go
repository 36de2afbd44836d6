package cli_test

import (
	"os"
	"strings"

	"github.com/fapilog/fapilog/cli"
)

func ExampleMain() {
	status := cli.Main([]string{"pip"}, strings.NewReader(""), os.Stdout, os.Stdout)
	os.Stdout.WriteString("exit status " + string(rune('0'+status)) + "\n")
	// Output:
	// fapilog: unknown command "pip" (did you mean "pipe"?)
	// Run 'fapilog help' for usage.
	// exit status 2
}
