package breaker_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/fapilog/fapilog/breaker"
)

func Example() {
	b := breaker.New(breaker.Config{Failures: 2})
	send := func() error { return errors.New("connection refused") }

	for range 4 {
		p, _, ok := b.Allow(time.Now())
		if !ok {
			fmt.Println("not tried")
			continue
		}
		outcome := breaker.Success
		if err := send(); err != nil {
			fmt.Println("tried:", err)
			outcome = breaker.Failure
		}
		if t, changed := b.Done(p, outcome, time.Now()); changed {
			fmt.Printf("%v -> %v after %d failures\n", t.From, t.To, t.Failures)
		}
	}
	// Output:
	// tried: connection refused
	// tried: connection refused
	// closed -> open after 2 failures
	// not tried
	// not tried
}

// Time is an argument, so a test need not wait for the recovery time.
func ExampleBreaker_Allow_halfOpen() {
	b := breaker.New(breaker.Config{Failures: 1, Recovery: 30 * time.Second})
	now := time.Now()
	p, _, _ := b.Allow(now)
	b.Done(p, breaker.Failure, now)
	fmt.Println("open for", b.RetryAt().Sub(now))

	now = b.RetryAt()
	probe, t, _ := b.Allow(now)
	fmt.Printf("%v -> %v\n", t.From, t.To)

	_, _, ok := b.Allow(now)
	fmt.Println("a second probe:", ok)

	t, _ = b.Done(probe, breaker.Success, now)
	fmt.Printf("%v -> %v\n", t.From, t.To)
	// Output:
	// open for 30s
	// open -> half-open
	// a second probe: false
	// half-open -> closed
}
