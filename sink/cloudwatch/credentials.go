package cloudwatch

import (
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/fapilog/fapilog/sink"
)

// chain gives the credentials of AWS's chain. The SDK reads shared files once, and keys that stand in them never
// again; so they are loaded anew when it was of no use to be asked with those that were there.
type chain struct {
	load func() (aws.CredentialsProvider, error)

	mu       sync.Mutex              // never held during I/O
	provider aws.CredentialsProvider // nil: is to be loaded
}

// Retrieve implements [aws.CredentialsProvider]. Its errors are recognised as a *credentialsError.
func (c *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	provider, err := c.current()
	if err != nil {
		return aws.Credentials{}, &credentialsError{err}
	}
	credentials, err := provider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &credentialsError{err}
	}
	return credentials, nil
}

func (c *chain) current() (aws.CredentialsProvider, error) {
	c.mu.Lock()
	provider := c.provider
	c.mu.Unlock()
	if provider != nil {
		return provider, nil
	}
	provider, err := c.load()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.provider = provider
	c.mu.Unlock()
	return provider, nil
}

// parked has the credentials loaded anew for the next attempt if err parks the sink: whoever mends that may have
// written others to the shared files. It returns err.
func (c *chain) parked(err error) error {
	var e *sink.Error
	if errors.As(err, &e) && e.Verdict == sink.Park {
		c.mu.Lock()
		c.provider = nil
		c.mu.Unlock()
	}
	return err
}

// credentialsError is that there are no credentials.
type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }
