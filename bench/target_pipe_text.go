package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// realLogsVariable names a directory of *.log files, such as loghub's, to be
// carried as well.
const realLogsVariable = "FAPILOG_LOGHUB"

// A pipeText is a text that is the same in every run. Its lines are some 120 to 160
// bytes long, and like those of a server.
type pipeText struct {
	name  string
	line  func(b []byte, n int, r *rand.Rand) []byte // appends line n, without its newline
	check func(in, out []byte) error
}

var pipeTexts = []pipeText{
	{"plain text", appendPlainLine, everyLineIsMessage},
	{"JSON lines", appendJSONLine, sameText},
}

// pipeLevels are drawn from.
var pipeLevels = []string{"DEBUG", "INFO", "INFO", "INFO", "INFO", "WARN", "ERROR"}

func appendPlainLine(b []byte, n int, r *rand.Rand) []byte {
	return fmt.Appendf(b, "2026-03-01 %02d:%02d:%02d,%03d %-5s [worker-%d] com.example.orders.Handler: GET /v1/orders/%d/items took %d us for 10.0.%d.%d",
		n/3_600_000%24, n/60_000%60, n/1000%60, n%1000, pipeLevels[r.IntN(len(pipeLevels))], r.IntN(16), r.IntN(1e6), r.IntN(1e7), r.IntN(256), r.IntN(256))
}

func appendJSONLine(b []byte, n int, r *rand.Rand) []byte {
	return fmt.Appendf(b, `{"time":"2026-03-01T%02d:%02d:%02d.%03dZ","level":%q,"msg":"request handled","path":"/v1/orders/%d/items","status":200,"took_us":%d,"client":"10.0.%d.%d"}`,
		n/3_600_000%24, n/60_000%60, n/1000%60, n%1000, pipeLevels[r.IntN(len(pipeLevels))], r.IntN(1e6), r.IntN(1e7), r.IntN(256), r.IntN(256))
}

// pipeInputs writes the texts, of as many lines, into dir, and real logs after
// them, if there are any, as often as it takes to have as many lines.
func pipeInputs(dir string, lines int) ([]pipeInput, error) {
	var inputs []pipeInput
	for i, t := range pipeTexts {
		in := pipeInput{name: t.name, path: filepath.Join(dir, fmt.Sprintf("in-%d", i)), lines: lines, check: t.check}
		if err := writeText(in.path, t, lines); err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	from := os.Getenv(realLogsVariable)
	if from == "" {
		return inputs, nil
	}
	in, err := realLogs(from, filepath.Join(dir, "in-real"), lines)
	return append(inputs, in), err
}

func writeText(path string, t pipeText, lines int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(1, 2))
	var line []byte
	for n := range lines {
		line = append(t.line(line[:0], n, r), '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

// realLogs writes the logs in from to path, again and again until there are as
// many lines.
func realLogs(from, path string, least int) (in pipeInput, err error) {
	names, err := filepath.Glob(filepath.Join(from, "*.log"))
	if err != nil {
		return in, err
	}
	var once []byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return in, err
		}
		if once = append(once, text...); !bytes.HasSuffix(once, []byte("\n")) {
			once = append(once, '\n')
		}
	}
	each := bytes.Count(once, []byte("\n"))
	if each == 0 {
		return in, fmt.Errorf("%s=%s: there is no line in its *.log files", realLogsVariable, from)
	}
	times := (least + each - 1) / each
	in = pipeInput{name: fmt.Sprintf("%d real logs", len(names)), path: path, lines: times * each, check: asManyLines}
	return in, os.WriteFile(path, bytes.Repeat(once, times), 0o600)
}

// asManyLines is the check where lines are changed on their way, as line ends and
// terminal sequences are.
func asManyLines(in, out []byte) error {
	if got, want := bytes.Count(out, []byte("\n")), bytes.Count(in, []byte("\n")); got != want {
		return fmt.Errorf("%d of %d lines have arrived", got, want)
	}
	return nil
}

// sameText is the check of JSON lines, which pass unchanged.
func sameText(in, out []byte) error {
	if err := asManyLines(in, out); err != nil {
		return err
	}
	if !bytes.Equal(in, out) {
		return errors.New("lines were changed")
	}
	return nil
}

// everyLineIsMessage is the check of plain text, each line of which becomes the
// message of a record. Its lines have nothing that JSON escapes.
func everyLineIsMessage(in, out []byte) error {
	if err := asManyLines(in, out); err != nil {
		return err
	}
	var want []byte
	for len(in) > 0 {
		var line, arrived []byte
		line, in, _ = bytes.Cut(in, []byte("\n"))
		arrived, out, _ = bytes.Cut(out, []byte("\n"))
		want = append(append(append(want[:0], `"msg":"`...), line...), `"}`...)
		if !bytes.HasSuffix(arrived, want) {
			return fmt.Errorf("%q arrived for the line %q", arrived, line)
		}
	}
	return nil
}
