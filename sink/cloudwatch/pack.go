package cloudwatch

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/fapilog/fapilog/sink"
)

// Limits of one PutLogEvents request:
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html.
const (
	maxEvents = 10_000
	maxBytes  = 1_048_576 // of messages, and overhead for each
	overhead  = 26
	maxSpan   = 24 * time.Hour
	maxAge    = 14 * 24 * time.Hour // of what is stored
	maxAhead  = 2 * time.Hour
)

// event is a record as it is sent.
type event struct {
	index   int   // in the batch
	at      int64 // milliseconds since 1970
	message string
}

func (e event) size() int { return len(e.message) + overhead }

// pack returns the events of batch, in the order of their times and otherwise of the batch, and
// what cannot be an event.
func pack(batch []sink.Record, now time.Time, maxEvent int) (events []event, refused []sink.ItemError) {
	events = make([]event, 0, len(batch))
	for i, r := range batch {
		at := r.Time
		if at.IsZero() {
			at = now
		}
		e := event{index: i, at: at.UnixMilli(), message: strings.ToValidUTF8(string(r.JSON), "\ufffd")}
		if verdict, err := check(e, at, maxEvent); err != nil {
			refused = append(refused, sink.ItemError{Index: i, Verdict: verdict, Err: err})
			continue
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events, refused
}

// check reports what would have the whole request refused.
func check(e event, at time.Time, maxEvent int) (sink.Verdict, error) {
	switch year := at.UTC().Year(); {
	case year < 1970 || year > 9999:
		return sink.Rejected, fmt.Errorf("cloudwatch: the time %s is not between 1970 and 9999", at.UTC().Format(time.RFC3339))
	case e.size() > maxEvent:
		return sink.TooLarge, fmt.Errorf("cloudwatch: the event has %d bytes with its overhead, more than max-event=%v", e.size(), sink.Bytes(maxEvent))
	case e.message == "":
		return sink.Rejected, errors.New("cloudwatch: the record is empty")
	}
	return 0, nil
}

// fitting returns how many of the first events, which are sorted by time, can be one request. The first one can.
func fitting(events []event) int {
	size := 0
	for i, e := range events {
		size += e.size()
		if i == maxEvents || size > maxBytes || e.at-events[0].at > maxSpan.Milliseconds() {
			return i
		}
	}
	return len(events)
}

func input(events []event) []types.InputLogEvent {
	in := make([]types.InputLogEvent, len(events))
	for i := range events {
		in[i] = types.InputLogEvent{Timestamp: &events[i].at, Message: &events[i].message}
	}
	return in
}

var (
	errTooOld    = errors.New("cloudwatch: the event is more than 14 days old, or older than the group's retention")
	errExpired   = errors.New("cloudwatch: the event is older than the group's retention")
	errTooNew    = errors.New("cloudwatch: the event is more than 2 hours in the future")
	errPostponed = errors.New("cloudwatch: more than fits into one request; sent in the next one")
)

// refused returns the events that a request which succeeded did not store. The answer has the first index that is not too old,
// or expired, and the first that is too new. Imitations of CloudWatch Logs are known to name a neighbouring one, so where
// the answer says that there are such events, the neighbours go by the clock.
func refused(events []event, info *types.RejectedLogEventsInfo, now time.Time) (items []sink.ItemError) {
	if info == nil {
		return nil
	}
	oldest, newest := now.Add(-maxAge).UnixMilli(), now.Add(maxAhead).UnixMilli()
	tooOld, expired, tooNew := 0, 0, len(events)
	if end := info.TooOldLogEventEndIndex; end != nil {
		tooOld = within(*end, events)
		for tooOld < len(events) && events[tooOld].at < oldest {
			tooOld++
		}
	}
	if end := info.ExpiredLogEventEndIndex; end != nil {
		expired = within(*end, events)
	}
	if start := info.TooNewLogEventStartIndex; start != nil {
		tooNew = within(*start, events)
		for tooNew > 0 && events[tooNew-1].at > newest {
			tooNew--
		}
	}
	for i, e := range events {
		var err error
		switch {
		case i < tooOld:
			err = errTooOld
		case i < expired:
			err = errExpired
		case i >= tooNew:
			err = errTooNew
		default:
			continue
		}
		items = append(items, sink.ItemError{Index: e.index, Verdict: sink.Rejected, Err: err})
	}
	return items
}

// within returns an index of an answer as one of events, or their end.
func within(index int32, events []event) int { return min(max(int(index), 0), len(events)) }

// postponed returns the events that are for the next attempt.
func postponed(events []event) []sink.ItemError {
	items := make([]sink.ItemError, len(events))
	for i, e := range events {
		items[i] = sink.ItemError{Index: e.index, Verdict: sink.Postponed, Err: errPostponed}
	}
	return items
}
