package breaker

import (
	"errors"
	"fmt"
	"time"
)

// Config sets when a circuit opens, for how long, and what closes it. The zero
// Config is ready to use.
type Config struct {
	Off      bool          // every attempt is allowed and none is counted
	Failures int           // consecutive failures that open it; 0: 5
	Recovery time.Duration // how long it stays open before a probe; 0: 30 s
	Probes   int           // attempts at a time while half-open, and the consecutive successes that close it; 0: 1
}

// WithDefaults returns c with its zero numbers replaced by their defaults.
func (c Config) WithDefaults() Config {
	if c.Failures == 0 {
		c.Failures = 5
	}
	if c.Recovery == 0 {
		c.Recovery = 30 * time.Second
	}
	if c.Probes == 0 {
		c.Probes = 1
	}
	return c
}

// Validate reports every number that is negative.
func (c Config) Validate() error {
	var errs []error
	if c.Failures < 0 {
		errs = append(errs, fmt.Errorf("breaker: Failures is %d; want 1 or more, or 0 for the default", c.Failures))
	}
	if c.Recovery < 0 {
		errs = append(errs, fmt.Errorf("breaker: Recovery is %v; want a positive duration, or 0 for the default", c.Recovery))
	}
	if c.Probes < 0 {
		errs = append(errs, fmt.Errorf("breaker: Probes is %d; want 1 or more, or 0 for the default", c.Probes))
	}
	return errors.Join(errs...)
}
