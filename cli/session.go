package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fapilog/fapilog"
)

// lastWords is how long the ledger's line may take when a signal has ended
// everything else: standard error may be a pipe that nobody reads.
const lastWords = time.Second

// session is one run of a command that carries something to sinks.
type session struct {
	pipeline carrier
	lines    *fapilog.Pipeline // the same, of a command that carries lines; else nil
	gone     <-chan struct{}   // a sink has ended for good; nil: it is no reason to read less
	limits   limits
	stderr   io.Writer
	progress *progress // what stderr is then; nil: it is not shown
	page     *page     // nil: there is none

	// feed offers everything to the pipeline. It ends early with ends.reading, and
	// with the pipeline. Its error is told, and makes the run incomplete.
	feed func(ends ends) error

	// last is called once when the pipeline is closed. What it returns stands right
	// before the ledger. nil: nothing does.
	last func() []byte
}

// carrier is a *fapilog.Pipeline, or a *fapilog.Replayer.
type carrier interface {
	Flush(context.Context) error
	Close(context.Context) error
	Stats() fapilog.Stats
}

// limits are how long a session waits.
type limits struct {
	drain time.Duration // without progress, once the input has ended; 0: for ever
	grace time.Duration // for Close, and for everything after the first signal; 0: no waiting
}

// noteGone has cfg's pipeline tell on the channel that a sink is gone.
func noteGone(cfg *fapilog.Config) <-chan struct{} {
	gone := make(chan struct{}, 1)
	cfg.OnEvent = func(e fapilog.Event) {
		if e.Kind != fapilog.EventGone {
			return
		}
		select {
		case gone <- struct{}{}:
		default: // a word of it is on its way already
		}
	}
	return gone
}

// run feeds the sinks, closes the pipeline, prints the ledger and returns the exit
// status.
func (s *session) run(signals <-chan os.Signal) int {
	return s.runUntil(watch(signals, s.limits.grace))
}

// runUntil is run with ends of the caller's making, which it releases.
func (s *session) runUntil(ends ends) int {
	defer ends.release()
	if s.progress != nil {
		s.progress.begin(s.pipeline.Stats)
	}

	fed := make(chan error, 1) // everything has been offered
	go func() { fed <- s.feed(ends) }()
	err, atEnd := s.await(fed, ends)
	if atEnd {
		drain(ends.patience, s.pipeline, s.limits.drain)
	}
	closing, cancel := context.WithTimeout(ends.all, s.limits.grace)
	defer cancel()
	_ = s.pipeline.Close(closing) // what is left is in the ledger
	if !atEnd {
		err = <-fed // the pipeline is closed: no append waits any more
	}
	return s.finish(err, ends.all)
}

// await waits for the end of feed, or for the end of everything: an append may
// wait for a sink as long as it likes. When all sinks are gone there is nobody
// left to read for.
func (s *session) await(fed <-chan error, ends ends) (err error, atEnd bool) {
	for {
		select {
		case err := <-fed:
			return err, true
		case <-ends.all.Done():
			return nil, false
		case <-s.gone:
			if allGone(s.pipeline.Stats()) {
				ends.stopReading()
			}
		}
	}
}

func allGone(s fapilog.Stats) bool {
	for _, k := range s.Sinks {
		if !k.Gone {
			return false
		}
	}
	return true
}

// finish prints the last lines and returns the exit status. It waits for
// standard error as long as that takes, but not after a signal has ended all.
func (s *session) finish(fedErr error, all context.Context) int {
	if s.page != nil {
		defer s.page.close()
	}
	stats := s.pipeline.Stats()
	printed := make(chan struct{}) // closed when the last lines are out
	go func() {
		defer close(printed)
		if s.progress != nil {
			s.progress.end()
		}
		_, _ = s.stderr.Write(lastLines(stats, fedErr, s.last)) // nobody is left to tell
	}()
	select {
	case <-printed:
	case <-all.Done():
		select {
		case <-printed:
		case <-time.After(lastWords):
		}
	}
	if fedErr != nil || !stats.Complete() {
		return exitIncomplete
	}
	return exitOK
}

// lastLines returns what was wrong with the input, what last says, and the ledger as
// one JSON object on the last line.
func lastLines(stats fapilog.Stats, fedErr error, last func() []byte) []byte {
	var b bytes.Buffer
	if fedErr != nil {
		fmt.Fprintf(&b, "fapilog %s\n", strings.ReplaceAll(fedErr.Error(), "\n", "\nfapilog "))
	}
	if last != nil {
		b.Write(last())
	}
	if err := json.NewEncoder(&b).Encode(stats); err != nil {
		fmt.Fprintf(&b, "fapilog: the ledger: %v\n", err)
	}
	return b.Bytes()
}
