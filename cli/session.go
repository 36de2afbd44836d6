package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fapilog/fapilog"
)

// maxLine is how much of a line is kept, in bytes: as much as a record can hold
// by default (see fapilog.Config.MaxRecord). The pipeline is told how long the
// line was.
const maxLine = 256 << 10

// lastWords is how long the ledger's line may take when a signal has ended
// everything else: standard error may be a pipe that nobody reads.
const lastWords = time.Second

// session is one run of pipe.
type session struct {
	pipeline *fapilog.Pipeline
	gone     <-chan struct{} // a sink has ended for good
	limits   limits
	stderr   io.Writer
}

// limits are how long a session waits.
type limits struct {
	drain time.Duration // without progress, once the input has ended; 0: for ever
	grace time.Duration // for Close, and for everything after the first signal; 0: no waiting
}

// open opens the pipeline. The caller runs the session, which closes it.
func open(cfg fapilog.Config, l limits, stderr io.Writer) (*session, error) {
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
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	return &session{pipeline: p, gone: gone, limits: l, stderr: stderr}, nil
}

// run carries the lines of in to the sinks, closes the pipeline, prints the
// ledger and returns the exit status.
func (s *session) run(in io.Reader, signals <-chan os.Signal) int {
	ends := watch(signals, s.limits.grace)
	defer ends.release()

	copied := make(chan error, 1) // everything that was read has been offered
	go func() { copied <- s.copy(ends, in) }()
	err, atEnd := s.await(copied, ends)
	if atEnd {
		drain(ends.patience, s.pipeline, s.limits.drain)
	}
	closing, cancel := context.WithTimeout(ends.all, s.limits.grace)
	defer cancel()
	_ = s.pipeline.Close(closing) // what is left is in the ledger
	if !atEnd {
		err = <-copied // the pipeline is closed: no append waits any more
	}
	return s.finish(err, ends.all)
}

// copy offers every line of in to the pipeline. After the first signal a silent
// input is one that has nothing more to say.
func (s *session) copy(ends ends, in io.Reader) error {
	return copyLines(ends.reading, ends.patience.Done(), in, &splitter{limit: maxLine, emit: func(line []byte, size int64) {
		_ = s.pipeline.WriteLine(context.Background(), line, size) // the ledger counts it, whatever becomes of it
	}})
}

// await waits for the end of copy, or for the end of everything: an append may
// wait for a sink as long as it likes. When all sinks are gone there is nobody
// left to read for.
func (s *session) await(copied <-chan error, ends ends) (err error, atEnd bool) {
	for {
		select {
		case err := <-copied:
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
func (s *session) finish(readErr error, all context.Context) int {
	stats := s.pipeline.Stats()
	printed := make(chan struct{}) // closed when the last lines are out
	go func() {
		defer close(printed)
		_, _ = s.stderr.Write(lastLines(stats, readErr)) // nobody is left to tell
	}()
	select {
	case <-printed:
	case <-all.Done():
		select {
		case <-printed:
		case <-time.After(lastWords):
		}
	}
	if readErr != nil || !stats.Complete() {
		return exitIncomplete
	}
	return exitOK
}

// lastLines returns what was wrong with the input, and the ledger as one JSON
// object on the last line.
func lastLines(stats fapilog.Stats, readErr error) []byte {
	var b bytes.Buffer
	if readErr != nil {
		fmt.Fprintf(&b, "fapilog pipe: reading standard input: %v\n", readErr)
	}
	if err := json.NewEncoder(&b).Encode(stats); err != nil {
		fmt.Fprintf(&b, "fapilog pipe: the ledger: %v\n", err)
	}
	return b.Bytes()
}
