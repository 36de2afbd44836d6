package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ends are the two moments at which signals end things.
type ends struct {
	reading context.Context // ends with the first signal, or by stopReading
	all     context.Context // ends with the second signal, or grace after the first

	stopReading context.CancelFunc
	release     func() // frees what ends holds; the signals are not watched any more
}

// watch turns signals into ends.
func watch(signals <-chan os.Signal, grace time.Duration) ends {
	reading, stopReading := context.WithCancel(context.Background())
	all, end := context.WithCancel(context.Background())
	released, release := context.WithCancel(context.Background())
	go func() {
		defer end()
		select {
		case <-signals:
		case <-released.Done():
			return
		}
		stopReading()
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-signals:
		case <-timer.C:
		case <-released.Done():
		}
	}()
	return ends{reading, all, stopReading, func() { release(); stopReading() }}
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
