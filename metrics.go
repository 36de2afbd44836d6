package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
)

// Result is how an attempt to write a batch has ended. The set is closed.
type Result string

const (
	ResultDelivered Result = "delivered" // all of it, but for what was postponed; see sink.Postponed
	ResultPartial   Result = "partial"   // the sink spoke of single records; some may have been delivered
	ResultRetry     Result = "retry"     // none of it: any error that says no more
	ResultThrottled Result = "throttled" // none; see sink.Throttled
	ResultTooLarge  Result = "too_large" // none; see sink.TooLarge
	ResultRejected  Result = "rejected"  // none; see sink.Rejected
	ResultPark      Result = "park"      // none; see sink.Park
	ResultGone      Result = "gone"      // none; see sink.Gone
	ResultTimeout   Result = "timeout"   // no answer by the deadline
	ResultStuck     Result = "stuck"     // Write was not called: an earlier call has outlived its deadline and not returned
)

var results = []Result{
	ResultDelivered, ResultPartial, ResultRetry, ResultThrottled, ResultTooLarge,
	ResultRejected, ResultPark, ResultGone, ResultTimeout, ResultStuck,
}

// Results returns all results, in the order of the constants.
func Results() []Result { return slices.Clone(results) }

// Reasons returns all reasons for which a record is dropped, in the order of the
// constants.
func Reasons() []Reason { return slices.Clone(reasons) }

// errStuck is the error of an attempt that was not made.
var errStuck = errors.New("the previous write has not returned")

// resultOf returns the result of an attempt on n records that ended with err.
func resultOf(err error, n int) Result {
	switch {
	case err == nil:
		return ResultDelivered
	case err == errStuck:
		return ResultStuck
	}
	switch e := judgement(err); {
	case e == nil && isTimeout(err):
		return ResultTimeout
	case e == nil || !sane(e, n):
		return ResultRetry
	case len(e.Items) > 0:
		return ResultPartial
	default:
		return verdictResult(e.Verdict)
	}
}

func verdictResult(v sink.Verdict) Result {
	switch v {
	case sink.Throttled:
		return ResultThrottled
	case sink.TooLarge:
		return ResultTooLarge
	case sink.Rejected:
		return ResultRejected
	case sink.Park:
		return ResultPark
	case sink.Gone:
		return ResultGone
	}
	return ResultRetry
}

// isTimeout reports whether err is that of a context's deadline. The methods that
// errors.Is calls may be the user's and panic.
func isTimeout(err error) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	return errors.Is(err, context.DeadlineExceeded)
}

// Change is a change of a circuit's state.
type Change struct{ From, To breaker.State }

// Histogram is a distribution of durations.
type Histogram struct {
	Bounds []time.Duration // upper bounds, inclusive, ascending
	Counts []uint64        // how many lie above the bound before and not above this one; the last: above all
	Sum    time.Duration
}

// writeBounds reach from a write to a file to the longest attempt that is usual.
var writeBounds = []time.Duration{
	100 * time.Microsecond, time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// SinkMetrics is what a monitoring system wants to know of a sink besides its row
// of the ledger. All of it is of this process, also with a durable journal.
type SinkMetrics struct {
	Name        string
	Standby     bool              // it has no level: what others divert here is written whatever its level
	Level       slog.Level        // the least level of a record for it, now
	Attempts    map[Result]uint64 // results without an attempt are absent
	Transitions map[Change]uint64 // of its circuit; those that have not happened are absent
	Write       Histogram         // how long calls of Write took; one that was abandoned, until then
}

// Metrics returns the metrics of the sinks, in the order of Stats.Sinks.
func (p *Pipeline) Metrics() []SinkMetrics {
	all := make([]SinkMetrics, 0, len(p.deliveries))
	for _, d := range p.deliveries {
		m := d.activityNow()
		m.Name, m.Standby, m.Level = d.name, d.cursor == nil, d.level()
		all = append(all, m)
	}
	return all
}

// activity is what a delivery has done in this process. ledger.mu guards it.
type activity struct {
	attempts    map[Result]uint64
	transitions map[Change]uint64
	writes      []uint64 // by bucket
	writing     time.Duration
}

func newActivity() activity {
	return activity{make(map[Result]uint64), make(map[Change]uint64), make([]uint64, len(writeBounds)+1), 0}
}

// attempted counts an attempt that took a while; a negative one called no Write.
func (a *activity) attempted(r Result, took time.Duration) {
	a.attempts[r]++
	if took < 0 {
		return
	}
	a.writes[sort.Search(len(writeBounds), func(i int) bool { return took <= writeBounds[i] })]++
	a.writing += took
}

func (d *delivery) activityNow() SinkMetrics {
	l := &d.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	return SinkMetrics{
		Attempts:    maps.Clone(l.activity.attempts),
		Transitions: maps.Clone(l.activity.transitions),
		Write:       Histogram{writeBounds, slices.Clone(l.activity.writes), l.activity.writing},
	}
}
