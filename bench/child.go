package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// childVariable names the role of a process that the program has started. A
// process with it is no benchmark: it plays that role and ends.
const childVariable = "FAPILOG_BENCH_CHILD"

// A role is what a child does with its arguments. It tells the parent what it
// finds with tell, and ends at the latest when in does: the parent is then gone
// or wants no more.
type role func(in io.Reader, tell func(any) error, args []string) error

// roles are those that a child can play.
var roles = map[string]role{
	lokiRole:   lokiServer,
	memoryRole: deadSinks,
	idleRole:   idlePipeline,
}

// init has a child play its role, in the program and in its tests alike.
func init() {
	name := os.Getenv(childVariable)
	if name == "" {
		return
	}
	out := json.NewEncoder(os.Stdout)
	err := errors.New("there is no such role")
	if play, ok := roles[name]; ok {
		err = play(os.Stdin, out.Encode, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is a process of this program that plays a role. Its owner calls wait
// once; nothing in it is for several goroutines.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startChild starts the program itself in a role. The end of ctx kills it.
func startChild(ctx context.Context, role string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd, in, json.NewDecoder(bufio.NewReader(out))}, nil
}

// read waits for the next thing that the child tells.
func (c *child) read(what any) error { return c.out.Decode(what) }

// wait ends the child's standard input and waits for its end.
func (c *child) wait() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// untilEnd returns when in has ended.
func untilEnd(in io.Reader) error {
	_, err := io.Copy(io.Discard, in)
	return err
}
