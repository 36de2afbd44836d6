package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// socket is a UDP socket whose n-th datagram, from 1, fail decides about.
type socket struct {
	net.Conn
	fail func(n int) error

	n      int
	sent   []string
	ended  atomic.Bool
	closed bool
}

func (s *socket) Write(p []byte) (int, error) {
	s.n++
	if s.ended.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	if err := s.fail(s.n); err != nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Err: os.NewSyscallError("write", err)}
	}
	s.sent = append(s.sent, string(p))
	return len(p), nil
}

func (s *socket) SetDeadline(time.Time) error { s.ended.Store(true); return nil }
func (s *socket) Close() error                { s.closed = true; return nil }

// sockets has a sink use sockets that fail by fail. It returns those that were made.
func sockets(t *testing.T, fail func(n int) error, change ...func(*Config)) (sink.Sink, *[]*socket) {
	t.Helper()
	var made []*socket
	c := testConfig(change...)
	c.Transport = UDP
	c.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
		if network != "udp" || address != "logs:514" {
			t.Errorf("%s %s is dialled", network, address)
		}
		made = append(made, &socket{fail: fail})
		return made[len(made)-1], nil
	}
	s, err := New(*c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if n := len(made); n > 0 && !made[n-1].closed {
			t.Error("the socket is not closed")
		}
	})
	return s, &made
}

func TestEachRecordIsADatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, made := sockets(t, func(int) error { return nil })
		for range 3 {
			if err := write(t, s, "a", "b", strings.Repeat("c", 5000)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(40 * time.Second) // the third is beyond the socket's age
		}
		var got []string
		for _, s := range *made {
			for _, d := range s.sent {
				m, err := parse([]byte(d))
				if err != nil || len(d) > 2048 {
					t.Errorf("%d bytes, %v: %s", len(d), err, d)
				}
				got = append(got, m.text[:1])
			}
		}
		if strings.Join(got, "") != "abcabcabc" || len(*made) != 2 {
			t.Errorf("%q on %d sockets", got, len(*made))
		}
		if err := s.(sink.Pinger).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatTheSystemRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		at   []int // the datagrams, from 1, that fail with it
		want string
	}{
		{"nobody listens", syscall.ECONNREFUSED, []int{3}, "retry"},
		{"the network is unreachable", syscall.ENETUNREACH, []int{1}, "retry"},
		{"a datagram is too long", syscall.EMSGSIZE, []int{2, 4}, "1 too_large, 3 too_large"},
		{"there is no room", syscall.ENOBUFS, []int{3}, "2 retry, 3 retry"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fail := func(n int) error {
					if slices.Contains(test.at, n) {
						return test.err
					}
					return nil
				}
				s, made := sockets(t, fail)
				err := write(t, s, "a", "b", "c", "d")
				got := verdict(err)
				var e *sink.Error
				if errors.As(err, &e) {
					var items []string
					for _, item := range e.Items {
						items = append(items, fmt.Sprintf("%d %v", item.Index, item.Verdict))
					}
					got = strings.Join(items, ", ")
				}
				if got != test.want || !errors.Is(err, test.err) && e == nil {
					t.Errorf("%s: %v", got, err)
				}
				if !(*made)[0].closed {
					t.Error("the socket is used again")
				}
			})
		})
	}
}

func TestWhatWasNotSentAtTheDeadlineIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := sockets(t, func(n int) error {
			if n == 2 {
				time.Sleep(10 * time.Second)
				synctest.Wait()
			}
			return nil
		})
		err := write(t, s, "a", "b", "c", "d")
		var e *sink.Error
		if !errors.As(err, &e) || len(e.Items) != 2 || e.Items[0].Index != 2 || e.Items[0].Verdict != sink.Retry {
			t.Errorf("%+v", err)
		}
	})
}

func TestRealDatagrams(t *testing.T) {
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Skip("SKIPPED: no UDP on the loopback interface: ", err)
	}
	defer listener.Close()
	s, err := New(Config{Host: "127.0.0.1", Port: listener.LocalAddr().(*net.UDPAddr).Port, Transport: UDP, MaxMessage: mostDatagram})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := strings.Repeat("x", 8000) // what every system lets through
	if err := write(t, s, "a", long); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", long} {
		buffer := make([]byte, 1<<16)
		n, _, err := listener.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := parse(buffer[:n]); err != nil || m.text != want {
			t.Errorf("%v, %.80s", err, m.text)
		}
	}
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux is known to say at once that nobody listens on the loopback interface")
	}
	listener.Close()
	for range 3 {
		if err := write(t, s, "b"); verdict(err) != "retry" || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
	}
}
