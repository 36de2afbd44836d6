package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ends are the moments at which signals end things. In a pipeline the first one,
// a Ctrl-C, goes to all its programs: what the others say last is still read.
type ends struct {
	patience context.Context // ends with the first signal: nobody waits for sinks that fail, or for a silent input, any more
	reading  context.Context // ends half the grace after the first signal, or by stopReading
	all      context.Context // ends the grace after the first signal, or with the second; and so do the others

	stopReading context.CancelFunc
	release     func() // frees what ends holds; the signals are not watched any more
}

// watch turns signals into ends.
func watch(signals <-chan os.Signal, grace time.Duration) ends {
	released, release := context.WithCancel(context.Background())
	all, endAll := context.WithCancel(context.Background())
	reading, stopReading := context.WithCancel(all)
	patience, endPatience := context.WithCancel(all)
	go func() {
		defer endAll()
		select {
		case <-signals:
		case <-released.Done():
			return
		}
		endPatience()
		half, whole := time.AfterFunc(grace/2, stopReading), time.NewTimer(grace)
		defer half.Stop()
		defer whole.Stop()
		select {
		case <-signals:
		case <-whole.C:
		case <-released.Done():
		}
	}()
	return ends{patience, reading, all, stopReading, release}
}

// terminations returns a channel of SIGINT and SIGTERM. A signal that the
// process was started to ignore, as SIGINT is by a job in the background of a
// script, stays ignored.
func terminations() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
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
