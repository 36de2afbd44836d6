package syslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// server reads messages from connections, by the letter of RFC 6587.
type server struct {
	*pipe.Listener
	t       testing.TB
	framing string

	// handle, if it is not nil, does what it likes with the n-th connection, from 1,
	// and reports whether the server is to read it.
	handle func(n int, c net.Conn) bool

	mu       sync.Mutex
	conns    []*pipe.Conn
	messages []message
	torn     int // connections that ended within a message
}

func serve(t testing.TB, change ...func(*server)) *server {
	s := &server{Listener: pipe.Listen(), t: t, framing: OctetCounting}
	for _, f := range change {
		f(s)
	}
	go s.accept()
	t.Cleanup(func() {
		s.Close()
		s.reset()
	})
	return s
}

func (s *server) accept() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c.(*pipe.Conn))
		n := len(s.conns)
		s.mu.Unlock()
		go func() {
			defer c.Close()
			if s.handle == nil || s.handle(n, c) {
				s.read(c)
			}
		}()
	}
}

// read takes messages from c until it ends.
func (s *server) read(c net.Conn) {
	r := bufio.NewReader(c)
	for s.readOne(r) {
	}
}

// readOne reports whether there was a message.
func (s *server) readOne(r *bufio.Reader) bool {
	b, err := frame(r, s.framing)
	if err == io.EOF {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.torn++
		return false
	}
	m, err := parse(b)
	if err != nil {
		s.t.Errorf("%v in %q", err, b)
	}
	s.messages = append(s.messages, m)
	return true
}

var errFrame = errors.New("not a frame")

// frame reads one message; io.EOF: there is none.
func frame(r *bufio.Reader, framing string) ([]byte, error) {
	if framing == LF {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return line[:max(0, len(line)-1)], err
	}
	number, err := r.ReadString(' ')
	if err != nil {
		if err == io.EOF && number != "" {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(number, " "), 10, 24)
	if err != nil || n == 0 || number[0] == '0' {
		return nil, fmt.Errorf("%w: %q", errFrame, number)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func (s *server) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Reset()
	}
}

// texts returns the messages that have arrived, when all is quiet.
func (s *server) texts() (texts []string) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		texts = append(texts, m.text)
	}
	return texts
}

func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// client returns a sink that writes to s.
func (s *server) client(change ...func(*Config)) sink.Sink {
	s.t.Helper()
	c := testConfig(change...)
	if c.Dial == nil {
		c.Dial = s.Dial
	}
	d, err := New(*c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { d.Close() })
	return d
}

// write sends records with these texts, 10 s at most.
func write(t testing.TB, s sink.Sink, texts ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.Write(ctx, batchOf(texts))
}

func batchOf(texts []string) (batch []sink.Record) {
	for _, text := range texts {
		batch = append(batch, sink.Record{JSON: []byte(text)})
	}
	return batch
}

// verdict returns that of an error, or delivered.
func verdict(err error) string {
	var e *sink.Error
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &e):
		return e.Verdict.String()
	}
	return sink.Retry.String()
}

func inBubble(t *testing.T, f func(*testing.T, *server), change ...func(*server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, serve(t, change...)) })
}

func wantTexts(t *testing.T, s *server, want ...string) {
	t.Helper()
	if got := s.texts(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the server has %.400q, want %.400q", got, want)
	}
}

// numbered returns n texts that are all different, of this size.
func numbered(first, n, size int) (texts []string) {
	for i := first; i < first+n; i++ {
		texts = append(texts, fmt.Sprintf(`{"n":%d,"x":"%s"}`, i, strings.Repeat("x", size)))
	}
	return texts
}
