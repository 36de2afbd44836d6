package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ends are the moments at which things end. They are those of watch: in a pipeline
// the first signal, a Ctrl-C, goes to all its programs, and what the others say last is
// still read. Those of watchProgram are others.
type ends struct {
	patience context.Context // ends with the first signal: nobody waits for sinks that fail, or for a silent input, any more
	reading  context.Context // ends half the grace after the first signal, or by stopReading
	all      context.Context // ends the grace after the first signal, or with the second asking; and so do the others

	stopReading, endPatience, endAll context.CancelFunc

	released context.Context
	release  func() // frees what ends holds; the signals are not watched any more
}

// oneAsking is how long after a signal another is taken for the same asking for an end.
// timeout(1) signals its child and then its group, bash and the kernel both tell of a
// terminal that is closed: milliseconds apart. A person who insists is slower, or does it
// again. A variable, so that no time limit decides the tests of processes.
var oneAsking = 500 * time.Millisecond

// askings counts how often somebody has asked for an end by a signal. The zero value is
// none.
type askings struct {
	n     int
	since time.Time // when the latest began
}

// note counts a signal, unless it belongs to the latest asking.
func (a *askings) note(now time.Time) {
	if a.n == 0 || now.Sub(a.since) >= oneAsking {
		a.n, a.since = a.n+1, now
	}
}

// newEnds returns ends that have not come.
func newEnds() ends {
	var e ends
	e.released, e.release = context.WithCancel(context.Background())
	e.all, e.endAll = context.WithCancel(context.Background())
	e.reading, e.stopReading = context.WithCancel(e.all)
	e.patience, e.endPatience = context.WithCancel(e.all)
	return e
}

// watch turns signals into ends.
func watch(signals <-chan os.Signal, grace time.Duration) ends {
	e := newEnds()
	go func() {
		defer e.endAll()
		var asked askings
		select {
		case <-signals:
			asked.note(time.Now())
		case <-e.released.Done():
			return
		}
		e.endPatience()
		e.after(grace/2, grace, asked, signals)
	}()
	return e
}

// watchProgram returns the ends of a session for the output of a program, which begin
// when that has ended: patience then, reading lingering later, and all another grace
// later, or with the second asking since the program's start; those while it runs are one,
// and a SIGHUP then is none.
func watchProgram(exited <-chan struct{}, signals <-chan os.Signal, grace time.Duration) ends {
	e := newEnds()
	go func() {
		defer e.endAll()
		var asked askings
		for running := true; running; {
			select {
			case s := <-signals:
				if s != syscall.SIGHUP { // which asks many programs to read their settings again
					asked.note(time.Now())
				}
			case <-exited:
				running = false
			case <-e.released.Done():
				return
			}
		}
		asked.n = min(asked.n, 1)
		e.endPatience()
		e.after(lingering, max(grace, lingering+grace), asked, signals) // a grace as long as there is overflows
	}()
	return e
}

// after ends the reading when read has passed. It returns when all has, with the second
// asking, or when e is released.
func (e ends) after(read, all time.Duration, asked askings, signals <-chan os.Signal) {
	reading, whole := time.AfterFunc(read, e.stopReading), time.NewTimer(all)
	defer reading.Stop()
	defer whole.Stop()
	for asked.n < 2 {
		select {
		case <-signals:
			asked.note(time.Now())
		case <-whole.C:
			return
		case <-e.released.Done():
			return
		}
	}
}

// terminations returns a channel of SIGINT, SIGTERM and SIGHUP, by which a terminal
// tells that it is closed. A signal that the process was started to ignore, as SIGINT
// is by a job in the background of a script and SIGHUP by nohup, stays ignored.
func terminations() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	return c, func() { signal.Stop(c) }
}

// surviveBrokenPipes makes a write to a closed pipe an error on standard output
// and standard error too, where it would otherwise end the process (package
// os/signal, "SIGPIPE"). Unlike ignoring the signal, this is not inherited by
// programs that the process starts.
func surviveBrokenPipes() (release func()) {
	c := make(chan os.Signal, 1) // nobody listens: being notified is what matters
	signal.Notify(c, syscall.SIGPIPE)
	return func() { signal.Stop(c) }
}
