// Package child runs another program with its output as two streams, and stands
// in its place: the signals that this process gets are passed on, and the
// program's status can become this process's own.
//
// # Signals
//
// All signals that a program can catch are forwarded, to the process and not to its
// group, but for those that the system sends a process for what it does itself:
// SIGCHLD, SIGPIPE, SIGURG (with which Go's runtime interrupts threads), SIGXCPU and
// SIGXFSZ (this process's own limits), SIGTTIN and SIGTTOU (its own use of the
// terminal; the whole job gets them). On Linux the real-time signals from 35 on are
// forwarded; those below are the C library's. SIGPROF is the Go profiler's own, and
// SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSTKFLT and SIGSYS cannot be caught in Go.
//
// SIGINT, SIGQUIT, SIGTSTP and SIGWINCH come from a terminal to every process in the
// foreground, so the program has them already: they are not sent again when this
// process and the program are in one group, the terminal's foreground one, and this
// process does not lead the session. A program that ends at once with the second
// Ctrl-C is so left time to end well. Such a signal that was sent with kill(2), while
// a shell has the job in the foreground, cannot be told from the terminal's and is not
// forwarded. The leader of a session, such as process 1 of a container that has a
// terminal, forwards them always: there docker stop may send SIGINT or SIGQUIT, and
// losing that would be worse than a second Ctrl-C. (timeout and tini give the program
// a group of its own instead: it then cannot read the terminal, or takes it away from
// the other programs of a pipeline.)
//
// After SIGTSTP from the terminal this process stops as the program does; any other is
// the program's alone. SIGHUP and SIGINT stay ignored if they were when this process
// was started, as nohup and shells do it. The program starts with the default
// dispositions otherwise.
//
// A supervisor that sends a signal to all processes, as systemd does with
// KillMode=control-group, gives the program each signal twice: KillMode=mixed does not.
//
// # Orphans
//
// As process 1 this process is the parent of every process whose own parent has
// ended. It collects the status of those that end, so that no zombies pile up. It
// must then start no other programs, whose status would be lost.
package child

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
)

// Child is a program that was started. Its methods are safe for concurrent use.
type Child struct {
	// Stdout and Stderr are what the program writes, until every process that has
	// them has closed them or ended. Closing one, except on Windows, ends a Read that
	// waits; whoever writes to it after that gets SIGPIPE.
	Stdout, Stderr io.ReadCloser

	process *os.Process
	signals chan os.Signal // what this process has got since just before the start
	early   int            // how many of them came before the program was there

	exited chan struct{} // closed when the program has ended
	status int           // set before exited is closed
	reaped chan struct{} // closed when there is nothing more to wait for
}

// pending is how many signals can wait for Forward: more than there are kinds.
const pending = 128

// Start starts the program args[0], which is looked for in PATH, with the arguments
// args. It has this process's standard input, environment and directory. Of the
// descriptors that Go has opened it gets none. The error is a *StartError.
//
// From just before the start the signals that are forwarded do nothing else to this
// process: the caller calls Forward soon, and reads both streams.
func Start(args []string) (*Child, error) {
	if len(args) == 0 {
		return nil, &StartError{Status: notFound, Err: exec.ErrNotFound}
	}
	path, err := find(args[0])
	if err != nil {
		return nil, startError(args[0], "", err)
	}
	p, err := openPipes()
	if err != nil {
		return nil, startError(args[0], path, err)
	}
	defer p.closeWriters()
	cmd := &exec.Cmd{Path: path, Args: args, Stdin: os.Stdin, Stdout: p.stdout.w, Stderr: p.stderr.w}
	c := &Child{
		Stdout: p.stdout.r, Stderr: p.stderr.r,
		signals: make(chan os.Signal, pending), exited: make(chan struct{}), reaped: make(chan struct{}),
	}
	notify(c.signals)
	if err := cmd.Start(); err != nil {
		signal.Stop(c.signals)
		p.closeReaders()
		return nil, startError(args[0], path, err)
	}
	c.process, c.early = cmd.Process, len(c.signals)
	go c.wait()
	return c, nil
}

// wait waits for the program's end, and as process 1 for that of everybody else's.
func (c *Child) wait() {
	defer close(c.reaped)
	if adopts() {
		collect(c.process.Pid)
		defer collect(0)
	}
	c.status = unknown
	if state, err := c.process.Wait(); err == nil {
		c.status = statusOf(state)
	}
	close(c.exited)
}

// Exited returns a channel that is closed when the program has ended. One that is
// stopped has not.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Wait waits for the program's end and returns its status as a shell does: its exit
// code, 128 and the signal's number when a signal has ended it, and 255 if the system
// does not tell. It does not wait for the streams, which processes that the program
// has started may keep open.
func (c *Child) Wait() int {
	<-c.exited
	return c.status
}

// unknown is the status of a program whose end the system does not tell.
const unknown = 255

// adopts reports whether orphans become children of this process.
func adopts() bool { return os.Getpid() == 1 }

// notify has the signals that are forwarded sent to c, but not those that this
// process was started to ignore.
func notify(c chan<- os.Signal) {
	for _, s := range forwarded() {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}
