package sinktest

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Step is the answer of a [Script] to one attempt. The zero Step is that of [OK].
type Step struct {
	answer func(ctx context.Context, released <-chan struct{}) error
}

// OK delivers the batch at once.
func OK() Step { return Step{} }

// Fail delivers nothing and returns err.
func Fail(err error) Step {
	return Step{func(context.Context, <-chan struct{}) error { return err }}
}

// Verdict delivers nothing and returns v on the whole batch; after is the
// [sink.Error]'s After.
func Verdict(v sink.Verdict, after time.Duration) Step {
	return Fail(&sink.Error{Err: errors.New("scripted " + v.String()), Verdict: v, After: after})
}

// Items delivers the records that are not named.
func Items(items ...sink.ItemError) Step { return Fail(&sink.Error{Items: items}) }

// Slow delivers the batch after d, or returns the context's error if that ends
// first.
func Slow(d time.Duration) Step {
	return Step{func(ctx context.Context, _ <-chan struct{}) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

// Late does not look at the context. It returns err after d; nil delivers the
// batch, however late.
func Late(d time.Duration, err error) Step {
	return Step{func(context.Context, <-chan struct{}) error {
		time.Sleep(d)
		return err
	}}
}

// Hang delivers nothing and returns the context's error when it ends.
func Hang() Step {
	return Step{func(ctx context.Context, _ <-chan struct{}) error {
		<-ctx.Done()
		return ctx.Err()
	}}
}

// Stuck does not look at the context: it hangs until [Script.Release], delivers
// nothing and returns an error.
func Stuck() Step {
	return Step{func(_ context.Context, released <-chan struct{}) error {
		<-released
		return errors.New("sinktest: released")
	}}
}

// Panic delivers nothing and panics with v.
func Panic(v any) Step {
	return Step{func(context.Context, <-chan struct{}) error { panic(v) }}
}

// Goexit delivers nothing and ends the goroutine with [runtime.Goexit].
func Goexit() Step {
	return Step{func(context.Context, <-chan struct{}) error {
		runtime.Goexit()
		return nil
	}}
}
