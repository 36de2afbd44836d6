package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/cli"
)

// commandVariable has the test binary be the fapilog command.
const commandVariable = "BENCH_TEST_AS_COMMAND"

func init() {
	if os.Getenv(commandVariable) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

func TestBothSidesOfPipeCarryEveryLine(t *testing.T) {
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(logs, "a.log"), []byte("one\ntwo \x1b[1m\"bold\"\nno newline"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(realLogsVariable, logs)
	t.Setenv("FAPILOG_SINKS", "nonsense://that-no-run-may-see")
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(commandVariable, "1")
	out := filepath.Join(dir, "out")
	inputs, err := pipeInputs(dir, 100)
	if err != nil {
		t.Fatal(err)
	}
	if n := inputs[len(inputs)-1].lines; len(inputs) != len(pipeTexts)+1 || n != 102 {
		t.Fatalf("%d inputs, the last one of %d lines", len(inputs), n)
	}
	for _, in := range inputs {
		x, err := measurePipe(in, out, true, func() (time.Duration, error) { return runFapilogPipe(binary, in.path, out, 8<<20) })
		if err != nil || x.void != "" || x.cpu < 0 {
			t.Errorf("fapilog: %+v, %v", x, err)
		}
		in.check = sameText
		x, err = measurePipe(in, out, true, func() (time.Duration, error) { return runCats(in.path, out) })
		if err != nil || x.void != "" || x.cpu < 0 {
			t.Errorf("cat: %+v, %v", x, err)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was written is left: %v", err)
	}
}

func TestPipeTextsAreTheSameInEveryRunAndVaried(t *testing.T) {
	for _, kind := range pipeTexts {
		t.Run(kind.name, func(t *testing.T) {
			const lines = 1000
			var got [2][]byte
			for i := range got {
				path := filepath.Join(t.TempDir(), "text")
				if err := writeText(path, kind, lines); err != nil {
					t.Fatal(err)
				}
				var err error
				if got[i], err = os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got[0], got[1]) {
				t.Error("two runs differ")
			}
			seen := map[string]bool{}
			for line := range strings.Lines(string(got[0])) {
				seen[line] = true
				if len(line) < 100 || len(line) > 180 {
					t.Errorf("%d bytes: %s", len(line), line)
				}
			}
			if len(seen) != lines {
				t.Errorf("%d different lines of %d", len(seen), lines)
			}
		})
	}
}

func TestPipeFigureDoesNotCountUnlessEveryLineHasArrived(t *testing.T) {
	const plain = "one\ntwo\n"
	for _, c := range []struct {
		name    string
		check   func(in, out []byte) error
		in, out string
		fine    bool
	}{
		{"counted", asManyLines, plain, "1\n2\n", true},
		{"one is missing", asManyLines, plain, "1\n", false},
		{"JSON unchanged", sameText, plain, plain, true},
		{"JSON changed", sameText, plain, "one\nTwo\n", false},
		{"JSON missing", sameText, plain, "one\n", false},
		{"messages", everyLineIsMessage, plain, `{"msg":"one"}` + "\n" + `{"level":"INFO","msg":"two"}` + "\n", true},
		{"a message changed", everyLineIsMessage, plain, `{"msg":"one"}` + "\n" + `{"msg":"to"}` + "\n", false},
		{"a message missing", everyLineIsMessage, plain, `{"msg":"one"}` + "\n", false},
		{"messages out of order", everyLineIsMessage, plain, `{"msg":"two"}` + "\n" + `{"msg":"one"}` + "\n", false},
	} {
		if err := c.check([]byte(c.in), []byte(c.out)); (err == nil) != c.fine {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
