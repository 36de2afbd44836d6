// Package cwtest is a strict CloudWatch Logs in memory, for tests: requests are checked by the documented limits
// and their signatures, which other imitations do not do. With [Server.Next] it is a front of such an imitation,
// and lets pass only what the real service would take.
//
// It knows CreateLogGroup, CreateLogStream, DescribeLogStreams and PutLogEvents of the JSON 1.1 protocol
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html), and keeps to the clock of a
// synctest bubble.
package cwtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What requests are to be signed with if the fields of a Server are empty.
const (
	Region    = "eu-central-1"
	AccessKey = "AKIDCWTEST"
	SecretKey = "cwtest-secret"
)

// Server is the service, an [http.Handler]. The zero Server is ready to use. Its fields are not to be changed while
// it is used, and it must not be copied. It is safe for concurrent use.
type Server struct {
	Region, AccessKey, SecretKey string // empty: the constants

	MaxEvent  int           // largest event with its overhead; 0: 1 MiB, before 2025 it was 256 KiB
	Retention time.Duration // of every group; 0: events do not expire
	PerSecond int           // PutLogEvents requests a second before throttling; 0: any number

	// Answer, if set, is asked before a request is looked at. It answers in place of the server and returns true, or returns
	// false. The first request is 1.
	Answer func(n int, operation string, w http.ResponseWriter, r *http.Request) bool

	// Lose, if set, says whether a request that was carried out gets no answer: its connection is closed.
	Lose func(n int, operation string) bool

	// Stored, if set, is told what a request has stored. The server is locked meanwhile.
	Stored func(group, stream string, events []Event)

	// Next, if set, gets the requests that are within the limits, unchanged, and does the rest.
	Next http.Handler

	mu       sync.Mutex
	groups   map[string]map[string][]Event // by group and stream
	requests []Request
	second   time.Time // of the PutLogEvents requests that puts counts
	puts     int
}

// Event is an event as it is stored.
type Event struct {
	At      time.Time
	Message string
}

// Request is a request that came.
type Request struct {
	At        time.Time
	Operation string // PutLogEvents; empty: none
	Events    int
	Bytes     int    // of the messages, with the overhead
	Code      string // of the error that was the answer
}

// Error is an error of the service.
type Error struct {
	Code, Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func failure(code, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return failure("InvalidParameterException", format, args...)
}

const contentType = "application/x-amz-json-1.1"

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "Logs_20140328.")
	n := s.begin(operation)
	if s.Answer != nil && s.Answer(n, operation, w, r) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return // the client has gone
	}
	var out any
	if err = s.checkRequest(r, body); err == nil {
		out, err = s.carryOut(n, operation, body)
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		s.note(n, func(this *Request) { this.Code = e.Code })
		answer(w, http.StatusBadRequest, map[string]string{"__type": e.Code, "message": e.Message})
	case s.Lose != nil && s.Lose(n, operation):
		panic(http.ErrAbortHandler)
	case s.Next != nil:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		s.Next.ServeHTTP(w, r)
	default:
		answer(w, http.StatusOK, out)
	}
}

// answer writes an answer; nil has no body.
func answer(w http.ResponseWriter, status int, out any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", "00000000-0000-4000-8000-000000000000")
	w.WriteHeader(status)
	if out != nil {
		_ = json.NewEncoder(w).Encode(out)
	}
}

// Fail answers with an error of the service. Its status is 400 but for what is not the client's fault.
func Fail(w http.ResponseWriter, code, message string) {
	status := http.StatusBadRequest
	switch code {
	case "ServiceUnavailableException":
		status = http.StatusServiceUnavailable
	case "InternalFailure":
		status = http.StatusInternalServerError
	}
	answer(w, status, map[string]string{"__type": "com.amazonaws.logs#" + code, "message": message})
}

func (s *Server) begin(operation string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{At: time.Now(), Operation: operation})
	return len(s.requests)
}

func (s *Server) note(n int, change func(*Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.requests[n-1])
}

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Events returns what a stream has, in the order of times and otherwise as it came. It returns nil for a stream that does not exist, and of a server with a
// Next always.
func (s *Server) Events(group, stream string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.Clone(s.groups[group][stream])
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events
}

// Create creates a stream, and its group if it does not exist.
func (s *Server) Create(group, stream string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.createGroup(group)
	s.groups[group][stream] = []Event{}
}

// Delete deletes a group.
func (s *Server) Delete(group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.groups, group)
}

func (s *Server) createGroup(group string) {
	if s.groups == nil {
		s.groups = map[string]map[string][]Event{}
	}
	if s.groups[group] == nil {
		s.groups[group] = map[string][]Event{}
	}
}
