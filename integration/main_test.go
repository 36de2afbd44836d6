package integration

import (
	"os"
	"testing"

	"github.com/fapilog/fapilog/cli"

	_ "github.com/fapilog/fapilog/sink/all"
)

// role names the variable that has the test binary be another program: one that a
// test starts, and may kill.
const role = "INTEGRATION_ROLE"

const (
	roleCommand = "command" // the command fapilog with all sinks
	roleSender  = "sender"  // see send
)

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case roleCommand:
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	case roleSender:
		os.Exit(send())
	}
	os.Exit(m.Run())
}
