package fapilog

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/fapilog/fapilog/sink"
)

// PingResult is what came of trying out one sink.
type PingResult struct {
	Name string
	Err  error // what is wrong, without secrets; nil: nothing was found

	// Pinged reports, where Err is nil, whether the destination has answered. False:
	// the sink could be opened, and cannot find out more without a record; see
	// [sink.Pinger].
	Pinged bool
}

// Ping tries out the sinks that are enabled, all at the same time, and returns
// what came of it in the order of Routes: it opens each, asks its destination
// whether it is there, and closes it. For that a sink has its Delivery's Timeout,
// or until ctx ends; one that takes longer is left behind on a goroutine of its
// own. A Route.Sink is not closed. No record is delivered, and no journal is
// opened.
//
// The error is the one that [Config.Plan] returns; then nothing was opened.
func (c Config) Ping(ctx context.Context) ([]PingResult, error) {
	_, routes, err := c.planned()
	if err != nil {
		return nil, err
	}
	results := make([]PingResult, len(routes))
	var all sync.WaitGroup
	for i, r := range routes {
		all.Go(func() { results[i] = r.ping(ctx) })
	}
	all.Wait()
	return results, nil
}

// ping tries out r's sink.
func (r route) ping(ctx context.Context) PingResult {
	ctx, cancel := context.WithTimeoutCause(ctx, r.delivery.Timeout, errNoAnswer(r.delivery.Timeout))
	defer cancel()
	done := make(chan PingResult, 1) // what came of it
	go func() {
		result := PingResult{Name: r.name, Err: errors.New("the sink ended its goroutine")} // runtime.Goexit
		defer func() {
			if v := recover(); v != nil {
				result.Err = fmt.Errorf("panic: %v", v)
			}
			done <- result
		}()
		result.Pinged, result.Err = r.tryOut(ctx)
	}()
	var result PingResult
	select {
	case result = <-done:
	case <-ctx.Done():
		result = PingResult{Name: r.name, Err: ctx.Err()}
	}
	switch {
	case result.Err == nil:
	case ctx.Err() != nil:
		result.Err = context.Cause(ctx) // whatever the sink makes of it
	default:
		result.Err = errors.New(masker(r.secrets)(result.Err))
	}
	return result
}

// tryOut opens r's sink, pings it where it can be pinged, and closes it.
func (r route) tryOut(ctx context.Context) (pinged bool, err error) {
	s := r.sink
	if r.opener != nil {
		if s, err = r.opener.Open(ctx); err != nil {
			return false, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	p, ok := s.(sink.Pinger)
	if !ok {
		return false, nil
	}
	return true, p.Ping(ctx)
}
