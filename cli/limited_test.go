package cli

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	network "github.com/fapilog/fapilog/sink/sinktest/pipe"
)

func TestListenerAcceptsNoMoreConnectionsThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := network.Listen()
		l := newLimited(inner, 2)
		accepted := make(chan net.Conn, 10)
		done := make(chan error)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					done <- err
					return
				}
				accepted <- c
			}
		}()
		for range 3 {
			go func() {
				if _, err := inner.Dial(t.Context(), "tcp", "page:80"); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		if n := len(accepted); n != 2 {
			t.Fatalf("%d connections are accepted, want 2", n)
		}
		c := <-accepted
		_, _ = c.Close(), c.Close() // the second gives nothing back
		synctest.Wait()
		if n := len(accepted); n != 2 {
			t.Errorf("%d connections are accepted after one was closed, want 2", n)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept ends with %v", err)
		}
		for len(accepted) > 0 {
			_ = (<-accepted).Close()
		}
	})
}
