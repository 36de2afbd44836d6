package cli

import (
	"context"
	"time"

	"github.com/fapilog/fapilog"
)

// progressInterval is how often drain looks for progress.
const progressInterval = time.Second

// drain waits until every sink has settled every record, until none has settled
// any for quiet (0: for ever), or until ctx ends. It notices that nothing
// happens up to progressInterval late.
func drain(ctx context.Context, p carrier, quiet time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	flushed := make(chan struct{}) // closed when everything is settled, or with ctx
	go func() {
		defer close(flushed)
		_ = p.Flush(ctx) // what it lacks is in the ledger
	}()
	defer func() {
		cancel()
		<-flushed
	}()
	if quiet == 0 {
		<-flushed
		return
	}

	ticker := time.NewTicker(min(quiet, progressInterval))
	defer ticker.Stop()
	last, since := settled(p.Stats()), time.Now()
	for {
		select {
		case <-flushed:
			return
		case now := <-ticker.C:
			if n := settled(p.Stats()); n != last {
				last, since = n, now
			} else if now.Sub(since) >= quiet {
				return
			}
		}
	}
}

// settled returns how many records have come to an end, over all sinks.
func settled(s fapilog.Stats) (n uint64) {
	for _, k := range s.Sinks {
		n += k.Appended - k.Pending
	}
	return n
}
