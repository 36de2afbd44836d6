package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realLogs is the variable that names a folder of logs.
const realLogs = "FAPILOG_LOGHUB"

func TestSamplesReachEverySinkLineByLine(t *testing.T) { throughPipe(t, "testdata") }

func TestRealLogsReachEverySinkLineByLine(t *testing.T) {
	dir := os.Getenv(realLogs)
	if dir == "" {
		t.Skipf("NOT TESTED with real logs: set %s to a folder of *.log files", realLogs)
	}
	throughPipe(t, dir)
}

// throughPipe pipes each log in dir to standard output and two files. Every line
// is to be in each of them once, in order.
func throughPipe(t *testing.T, dir string) {
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) == 0 {
		t.Fatalf("no *.log in %s", dir)
	}
	for _, name := range logs {
		t.Run(filepath.Base(name), func(t *testing.T) { oneThroughPipe(t, name) })
	}
}

func oneThroughPipe(t *testing.T, name string) {
	in := readFile(t, name)
	var want []string
	for _, l := range splitSlowly(in, len(in)) {
		want = append(want, arriving(t, l.text))
	}
	out := t.TempDir()
	first, second := filepath.Join(out, "first"), filepath.Join(out, "second")
	cmd := childCommand(t, []string{"FAPILOG_SINKS=stdout://?format=json, file:" + first + ",file:" + second}, "pipe")
	cmd.Stdin = bytes.NewReader(in)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	code, stderr := status(t, cmd)
	if code != 0 {
		t.Errorf("exit status %d; %s", code, stderr)
	}
	checkSame(t, "standard output", messages(t, stdout.Bytes()), want)
	checkSame(t, "the first file", messages(t, readFile(t, first)), want)
	checkSame(t, "the second file", messages(t, readFile(t, second)), want)
	s := ledger(t, stderr)
	if s.Offered != uint64(len(want)) || len(s.Sinks) != 3 {
		t.Errorf("%d lines offered to %d sinks, want %d and 3", s.Offered, len(s.Sinks), len(want))
	}
}

// arriving returns what message is to return for the record of a line.
func arriving(t *testing.T, text string) string {
	t.Helper()
	if strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
		return message(t, text)
	}
	// JSON has no invalid UTF-8: each such byte becomes U+FFFD.
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	var as string
	if err := json.Unmarshal(b, &as); err != nil {
		t.Fatal(err)
	}
	return as
}

// message returns the line of which record was made: its message if that is all
// there is besides time and level, and else the record itself, which was passed on.
func message(t *testing.T, record string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(record), &members); err != nil {
		t.Fatalf("%v: %q", err, record)
	}
	made := strings.HasPrefix(record, `{"time":"`) && strings.Contains(record, `","level":"INFO","msg":"`)
	if !made || len(members) != 3 {
		return record
	}
	var msg string
	if err := json.Unmarshal(members["msg"], &msg); err != nil {
		t.Fatalf("%v: %q", err, record)
	}
	return msg
}

// checkSame tells of the first difference only.
func checkSame(t *testing.T, where string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: line %d is\n%q, want\n%q", where, i+1, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, want %d", where, len(got), len(want))
	}
}
