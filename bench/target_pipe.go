package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func pipeTarget() target {
	return target{name: "pipe", about: "fapilog pipe into a file, CPU per line against cat f | cat > g", run: runPipe}
}

const (
	pipeLines = 1_000_000
	pipeReach = 6
	pipeGoal  = 3

	pipeNote = "`cat f | fapilog pipe`: CPU time, user and system, of both processes of a side. cat copies blocks and does not look at them; its figure is next to nothing, " +
		"so that the ratio is great where the difference is less than a microsecond. A slow file holds the writer; what is in the pipe, 64 KiB, is lost at a kill."
	realNote = "The files that FAPILOG_LOGHUB names, repeated. That all lines have arrived is counted, not compared."
)

// pipeInput is a text that both sides carry.
type pipeInput struct {
	name  string
	path  string
	lines int
	check func(in, out []byte) error // reports whether out has all that was in in
}

func runPipe(s *session) error {
	binary := filepath.Join(s.dir, "fapilog")
	if err := buildCommand(binary); err != nil {
		return err
	}
	inputs, err := pipeInputs(s.dir, pipeLines)
	if err != nil {
		return err
	}
	for i, in := range inputs {
		names := []string{"fapilog pipe, " + in.name, "cat | cat, " + in.name}
		out := filepath.Join(s.dir, "out.log")
		samples, err := alternate(s, names, func(arm, _ int) (pipeSample, error) {
			run := func() (time.Duration, error) { return runCats(in.path, out) }
			if arm == 0 {
				run = func() (time.Duration, error) { return runFapilogPipe(binary, in.path, out, s.journal) }
			}
			return measurePipe(in, out, arm == 0, run)
		})
		if err != nil {
			return err
		}
		r := row{
			Question: fmt.Sprintf("`fapilog pipe` to a file, %s", in.name), Against: "`cat f | cat > g`", Figure: "CPU ns per line",
			Note: realNote, Void: firstOf(pick(samples[0], pipeSample.reason)...),
		}
		if i < len(pipeTexts) {
			r.Number, r.Reach, r.Goal, r.Note = 10, pipeReach, pipeGoal, pipeNote
		}
		s.add(r.compare(byRound(pick(samples[0], pipeSample.perLine)), byRound(pick(samples[1], pipeSample.perLine))))
		if err := os.Remove(in.path); err != nil {
			return err
		}
	}
	return nil
}

// pipeSample is what one run cost.
type pipeSample struct {
	cpu  float64 // ns per line
	void string  // why it does not count, or empty
}

func (x pipeSample) perLine() float64 { return x.cpu }
func (x pipeSample) reason() string   { return x.void }

// measurePipe runs one side and removes what it wrote. What cat writes is not
// looked at.
func measurePipe(in pipeInput, out string, look bool, run func() (time.Duration, error)) (x pipeSample, err error) {
	cpu, err := run()
	if err != nil {
		return x, err
	}
	x.cpu = float64(cpu) / float64(in.lines)
	if look {
		text, err := os.ReadFile(in.path)
		if err != nil {
			return x, err
		}
		written, err := os.ReadFile(out)
		if err != nil {
			return x, err
		}
		if err := in.check(text, written); err != nil {
			x.void = fmt.Sprintf("%s: %v", in.name, err)
		}
	}
	return x, os.Remove(out)
}

// buildCommand builds the command of the module that the program measures.
func buildCommand(path string) error {
	build := exec.Command("go", "build", "-o", path, "github.com/fapilog/fapilog/cmd/fapilog")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build, which needs the directory of bench: %w\n%s", err, text)
	}
	return nil
}

// runFapilogPipe is cat in | fapilog pipe, into the file out.
func runFapilogPipe(binary, in, out string, journal int64) (time.Duration, error) {
	to := url.URL{Scheme: "file", Path: out}
	cmd := exec.Command(binary, "pipe", "--sink", to.String())
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FAPILOG_") })
	cmd.Env = append(cmd.Env, fmt.Sprintf("FAPILOG_JOURNAL_MAX_BYTES=%d", journal))
	var ledger bytes.Buffer
	cmd.Stderr = &ledger
	cpu, err := feed(in, cmd)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, ledger.Bytes())
	}
	return cpu, nil
}

// runCats is cat in | cat > out.
func runCats(in, out string) (cpu time.Duration, err error) {
	to, err := os.Create(out)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	cmd := exec.Command("cat")
	cmd.Stdout = to
	return feed(in, cmd)
}

// feed is cat in | reader. It returns the CPU time of both.
func feed(in string, reader *exec.Cmd) (cpu time.Duration, err error) {
	cat := exec.Command("cat", in)
	read, write, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	cat.Stdout, reader.Stdin = write, read
	err = errors.Join(cat.Start(), reader.Start(), write.Close(), read.Close())
	for _, cmd := range []*exec.Cmd{cat, reader} {
		if cmd.Process != nil {
			err = errors.Join(err, cmd.Wait())
		}
	}
	if err != nil {
		return 0, err
	}
	return cpuOf(cat) + cpuOf(reader), nil
}

// cpuOf returns the CPU time of a process that has ended.
func cpuOf(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
