package pipe

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// bufferSize is how much may be written to a stream and not yet read.
const bufferSize = 64 << 10

// errShut is the error of a write after CloseWrite.
var errShut = syscall.EPIPE

// stream is one direction of a connection.
type stream struct {
	mu      sync.Mutex
	changed sync.Cond
	buffer  []byte
	writing error // why nothing more can be written; nil: it can
	reading error // why nothing can be read, at once; nil: it can
	ended   bool  // the writer has closed: behind the buffer is the end
	reads   deadline
	writes  deadline
}

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.reading != nil:
			return 0, s.reading
		case s.reads.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(s.buffer) > 0:
			n := copy(p, s.buffer)
			s.buffer = append(s.buffer[:0], s.buffer[n:]...)
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.writing != nil:
			return n, s.writing
		case s.writes.passed():
			return n, os.ErrDeadlineExceeded
		case n == len(p):
			return n, nil
		}
		if room := min(bufferSize-len(s.buffer), len(p)-n); room > 0 {
			s.buffer = append(s.buffer, p[n:n+room]...)
			n += room
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// closeWrite ends the stream for its writer, with err for later writes.
func (s *stream) closeWrite(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(s.writing, net.ErrClosed) {
		return net.ErrClosed
	}
	s.writing, s.ended = err, true
	s.writes.stop()
	s.changed.Broadcast()
	return nil
}

// closeRead ends the stream for its reader: nobody will read what is written.
func (s *stream) closeRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.buffer = net.ErrClosed, nil
	if s.writing == nil {
		s.writing = syscall.EPIPE
	}
	s.reads.stop()
	s.changed.Broadcast()
}

// reset ends the stream for both.
func (s *stream) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buffer = nil
	if !errors.Is(s.reading, net.ErrClosed) {
		s.reading = syscall.ECONNRESET
	}
	if !errors.Is(s.writing, net.ErrClosed) {
		s.writing = syscall.ECONNRESET
	}
	s.reads.stop()
	s.writes.stop()
	s.changed.Broadcast()
}

func isEOF(err error) bool { return err == io.EOF }

// deadline is guarded by its stream's lock.
type deadline struct {
	at    time.Time   // zero: none
	rung  bool        // the timer has; clocks may differ by a little
	timer *time.Timer // wakes those that wait; nil: none
}

func (d *deadline) passed() bool {
	return d.rung || !d.at.IsZero() && !time.Now().Before(d.at)
}

func (d *deadline) set(s *stream, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.stop()
	d.at, d.rung = t, false
	if !t.IsZero() {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(t), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if d.timer == timer { // nobody has set another one meanwhile
				d.rung = true
				s.changed.Broadcast()
			}
		})
		d.timer = timer
	}
	s.changed.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
