package cli_test

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fapilog/fapilog/cli"
)

// A line that is a JSON object passes with its bytes unchanged, save for masks.
func ExampleMain_pipe() {
	in := strings.NewReader(`{"ts":1700000000,"lvl":"warn","message":"disk 90% full","api_key":"k-1"}` + "\n")
	status := cli.Main([]string{"pipe", "--sink", "stdout://?format=json"}, in, os.Stdout, io.Discard)
	fmt.Println("exit status", status)
	// Output:
	// {"ts":1700000000,"lvl":"warn","message":"disk 90% full","api_key":"***"}
	// exit status 0
}
