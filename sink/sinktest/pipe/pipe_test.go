package pipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// connect returns both ends of a connection.
func connect(t *testing.T) (client, server *Conn) {
	t.Helper()
	l := Listen()
	c, err := l.Dial(t.Context(), "tcp", "server:80")
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close(); l.Close() })
	return c.(*Conn), s.(*Conn)
}

func TestWhatIsWrittenIsReadInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 3*bufferSize/16) // more than the buffer
		go func() {
			if n, err := client.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			client.CloseWrite()
		}()
		got, err := io.ReadAll(server)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v, want %d", len(got), err, len(sent))
		}
		if _, err := server.Write([]byte("answer")); err != nil {
			t.Errorf("the other direction is closed too: %v", err)
		}
		answer := make([]byte, 6)
		if _, err := io.ReadFull(client, answer); err != nil || string(answer) != "answer" {
			t.Errorf("the answer is %q, %v", answer, err)
		}
		if server.LocalAddr().String() != "server:80" || client.RemoteAddr().String() != "server:80" {
			t.Errorf("the addresses are %v and %v", server.LocalAddr(), client.RemoteAddr())
		}
	})
}

func TestFullBufferBlocksUntilItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		start := time.Now()
		go func() {
			time.Sleep(time.Minute)
			io.ReadFull(server, make([]byte, 1))
		}()
		if _, err := client.Write(make([]byte, bufferSize)); err != nil || time.Since(start) != 0 {
			t.Errorf("what fits took %v, %v", time.Since(start), err)
		}
		if _, err := client.Write([]byte("x")); err != nil || time.Since(start) != time.Minute {
			t.Errorf("one more took %v, %v, want a minute", time.Since(start), err)
		}
	})
}

func TestEveryWayToEnd(t *testing.T) {
	for _, test := range []struct {
		name                    string
		end                     func(client, server *Conn)
		clientReads, otherReads error // nil: "buffered", then the end
		clientWrites            error
	}{
		{"the server closes", func(_, s *Conn) { s.Close() }, nil, net.ErrClosed, syscall.EPIPE},
		{"the client closes", func(c, _ *Conn) { c.Close() }, net.ErrClosed, nil, net.ErrClosed},
		{"the server shuts its direction", func(_, s *Conn) { s.CloseWrite() }, nil, os.ErrDeadlineExceeded, nil},
		{"the client shuts its direction", func(c, _ *Conn) { c.CloseWrite() }, os.ErrDeadlineExceeded, nil, syscall.EPIPE},
		{"a reset", func(c, _ *Conn) { c.Reset() }, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET},
		{"a reset by the other", func(_, s *Conn) { s.Reset() }, syscall.ECONNRESET, syscall.ECONNRESET, syscall.ECONNRESET},
		{"a reset of what is closed", func(c, s *Conn) { c.Close(); s.Reset() }, net.ErrClosed, syscall.ECONNRESET, net.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := connect(t)
				client.Write([]byte("buffered"))
				server.Write([]byte("buffered"))
				test.end(client, server)
				_, err := client.Write([]byte("more"))
				check(t, "the client writes", err, test.clientWrites)
				reads(t, "the client", client, test.clientReads)
				reads(t, "the server", server, test.otherReads)
			})
		})
	}
}

// reads expects what was buffered and the end of it, or an error.
func reads(t *testing.T, who string, c *Conn, want error) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Second))
	got, err := io.ReadAll(c)
	check(t, who+" reads", err, want)
	if want == nil && string(got) != "buffered" && string(got) != "bufferedmore" {
		t.Errorf("%s reads %q", who, got)
	}
}

func check(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestDeadlinesEndWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := connect(t)
		start := time.Now()
		client.SetDeadline(start.Add(3 * time.Second))
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != 3*time.Second {
			t.Errorf("Read returned %v after %v", err, time.Since(start))
		}
		if _, err := client.Write(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Write after the deadline: %v", err)
		}
		client.SetDeadline(time.Time{})
		go func() {
			time.Sleep(time.Second)
			client.SetWriteDeadline(time.Now())
		}()
		n, err := client.Write(make([]byte, bufferSize+1))
		if n != bufferSize || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 4*time.Second {
			t.Errorf("Write returned %d, %v after %v", n, err, time.Since(start))
		}
	})
}

func TestDeadlineThatIsMovedDoesNotStrike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := connect(t)
		client.SetReadDeadline(time.Now().Add(time.Second))
		client.SetReadDeadline(time.Now().Add(time.Hour))
		go func() {
			time.Sleep(time.Minute)
			server.Write([]byte("x"))
		}()
		if _, err := client.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := connect(t)
		go func() {
			time.Sleep(time.Second)
			client.Close()
		}()
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := client.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close: %v", err)
		}
	})
}

func TestClosedListenerRefusesAndResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		waiting, err := l.Dial(t.Context(), "tcp", "h:1")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection that was not accepted: %v", err)
		}
		if _, err := l.Dial(t.Context(), "tcp", "h:1"); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "h:1") {
			t.Errorf("Dial: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Listen().Dial(ctx, "tcp", "h:1"); !errors.Is(err, context.Canceled) {
			t.Errorf("Dial with an ended context: %v", err)
		}
	})
}

func TestAcceptWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		go func() {
			time.Sleep(time.Second)
			l.Dial(context.Background(), "tcp", "h:1")
			time.Sleep(time.Second)
			l.Close()
		}()
		if _, err := l.Accept(); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestHTTPServerAndClientWorkOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(time.Second)
			w.Write(body)
		})}
		go server.Serve(l)
		transport := &http.Transport{DialContext: l.Dial}
		client := &http.Client{Transport: transport}
		for range 3 {
			body := strings.Repeat("x", 1<<20)
			response, err := client.Post("http://server/", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			response.Body.Close()
			if string(got) != body || err != nil {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
		transport.CloseIdleConnections()
		server.Close()
	})
}
