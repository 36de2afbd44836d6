package cwtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of PutLogEvents:
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html.
const (
	maxEvents = 10_000
	maxBytes  = 1_048_576
	overhead  = 26
	maxSpan   = 24 * time.Hour
	maxAge    = 14 * 24 * time.Hour
	maxAhead  = 2 * time.Hour
	maxName   = 512
)

// request has the members of all operations.
type request struct {
	LogGroupName        string       `json:"logGroupName"`
	LogStreamName       string       `json:"logStreamName"`
	LogStreamNamePrefix string       `json:"logStreamNamePrefix"`
	SequenceToken       string       `json:"sequenceToken"`
	Limit               int          `json:"limit"`
	LogEvents           []inputEvent `json:"logEvents"`
}

type inputEvent struct {
	Timestamp *int64  `json:"timestamp"`
	Message   *string `json:"message"`
}

func (e inputEvent) at() time.Time { return time.UnixMilli(*e.Timestamp) }

// rejected is where in a request the events are that were not stored.
type rejected struct {
	TooOldEnd   *int `json:"tooOldLogEventEndIndex,omitempty"`   // exclusive
	ExpiredEnd  *int `json:"expiredLogEventEndIndex,omitempty"`  // exclusive
	TooNewStart *int `json:"tooNewLogEventStartIndex,omitempty"` // inclusive
}

// own are the operations that the server knows. A Next may know others, which are passed as they are.
var own = []string{"CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents"}

// carryOut checks the request and, unless it is for Next, does what it asks for.
func (s *Server) carryOut(n int, operation string, body []byte) (out any, err error) {
	switch {
	case slices.Contains(own, operation):
	case s.Next != nil:
		return nil, nil
	default:
		return nil, failure("UnknownOperationException", "")
	}
	var r request
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, failure("SerializationException", "%v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, failure("SerializationException", "more than one value")
	}
	if err := checkNames(operation, r); err != nil {
		return nil, err
	}
	if operation == "PutLogEvents" {
		if err := s.checkEvents(n, r.LogEvents); err != nil {
			return nil, err
		}
	}
	if s.Next != nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch operation {
	case "CreateLogGroup":
		return nil, s.newGroup(r)
	case "CreateLogStream":
		return nil, s.newStream(r)
	case "DescribeLogStreams":
		return s.describe(r)
	}
	return s.put(r)
}

var (
	groupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`)
	streamName = regexp.MustCompile(`^[^:*]+$`)
)

func checkNames(operation string, r request) error {
	if !groupName.MatchString(r.LogGroupName) || len(r.LogGroupName) > maxName || strings.HasPrefix(r.LogGroupName, "aws/") {
		return invalid("Value '%s' at 'logGroupName' failed to satisfy constraint", r.LogGroupName)
	}
	if operation != "PutLogEvents" && operation != "CreateLogStream" {
		return nil
	}
	if !streamName.MatchString(r.LogStreamName) || utf8.RuneCountInString(r.LogStreamName) > maxName {
		return invalid("Value '%s' at 'logStreamName' failed to satisfy constraint", r.LogStreamName)
	}
	return nil
}

// checkEvents refuses what the service refuses as a whole, in its words.
func (s *Server) checkEvents(n int, events []inputEvent) error {
	if s.throttled() {
		return failure("ThrottlingException", "Rate exceeded")
	}
	if len(events) == 0 || len(events) > maxEvents {
		return invalid("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and %d", maxEvents)
	}
	limit, size := maxBytes, 0
	if s.MaxEvent > 0 {
		limit = s.MaxEvent
	}
	for _, e := range events {
		if e.Timestamp == nil || *e.Timestamp < 0 || e.Message == nil || *e.Message == "" {
			return invalid("1 validation error detected: a member of 'logEvents' has no timestamp or no message")
		}
		bytes := len(*e.Message) + overhead
		if bytes > limit {
			return invalid("Log event too large: %d bytes exceeds limit of %d", bytes, limit)
		}
		size += bytes
	}
	s.note(n, func(this *Request) { this.Events, this.Bytes = len(events), size })
	if size > maxBytes {
		return invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBytes)
	}
	return checkTimes(events)
}

// checkTimes refuses a request that is not in order, or that spans too much. Some descriptions let events that are refused anyway
// be outside the span; a client that counts on that would be in trouble with a clock that is not the
// server's, so here none may be.
func checkTimes(events []inputEvent) error {
	for i, e := range events[1:] {
		if *e.Timestamp < *events[i].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if events[len(events)-1].at().Sub(events[0].at()) > maxSpan {
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

func (s *Server) throttled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.second) >= time.Second {
		s.second, s.puts = now, 0
	}
	s.puts++
	return s.PerSecond > 0 && s.puts > s.PerSecond
}

func (s *Server) newGroup(r request) error {
	if s.groups[r.LogGroupName] != nil {
		return failure("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	s.createGroup(r.LogGroupName)
	return nil
}

func (s *Server) newStream(r request) error {
	group := s.groups[r.LogGroupName]
	if group == nil {
		return failure("ResourceNotFoundException", "The specified log group does not exist.")
	}
	if group[r.LogStreamName] != nil {
		return failure("ResourceAlreadyExistsException", "The specified log stream already exists")
	}
	group[r.LogStreamName] = []Event{}
	return nil
}

func (s *Server) describe(r request) (any, error) {
	group := s.groups[r.LogGroupName]
	if group == nil {
		return nil, failure("ResourceNotFoundException", "The specified log group does not exist.")
	}
	streams := []map[string]string{}
	for name := range group {
		if strings.HasPrefix(name, r.LogStreamNamePrefix) && (r.Limit == 0 || len(streams) < r.Limit) {
			streams = append(streams, map[string]string{"logStreamName": name})
		}
	}
	return map[string]any{"logStreams": streams}, nil
}

// put stores the events that are neither too old nor too new.
func (s *Server) put(r request) (any, error) {
	group := s.groups[r.LogGroupName]
	if group == nil || group[r.LogStreamName] == nil {
		return nil, failure("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	now := time.Now()
	var info rejected
	var stored []Event
	for i, e := range r.LogEvents {
		switch age := now.Sub(e.at()); {
		case age > maxAge:
			end := i + 1
			info.TooOldEnd = &end
		case s.Retention > 0 && age > s.Retention:
			end := i + 1
			info.ExpiredEnd = &end
		case -age > maxAhead:
			if info.TooNewStart == nil {
				start := i
				info.TooNewStart = &start
			}
		default:
			stored = append(stored, Event{e.at(), *e.Message})
		}
	}
	group[r.LogStreamName] = append(group[r.LogStreamName], stored...)
	if s.Stored != nil {
		s.Stored(r.LogGroupName, r.LogStreamName, stored)
	}
	out := map[string]any{"nextSequenceToken": "49640000000000000000000000000000000000000000000000000000"}
	if info != (rejected{}) {
		out["rejectedLogEventsInfo"] = info
	}
	return out, nil
}
