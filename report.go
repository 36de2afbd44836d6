package fapilog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/console"
)

// eventQueue is how many events wait for a slow OnEvent or a stuck stderr
// before further ones are lost, and counted.
const eventQueue = 1024

// diagnosticInterval is how often the same kind of thing is told of one sink.
// Transitions, of a breaker or of the journal, are always told.
const diagnosticInterval = 10 * time.Second

// maxErrorText limits an error's text, in bytes.
const maxErrorText = 1 << 10

// reporter hands events to the diagnostics and to Config.OnEvent, each on a
// goroutine of its own: neither a stuck stderr nor the user's code delays a
// delivery.
type reporter struct {
	listeners []*listener
	stderr    *os.File // the duplicate that diagnostics go to; nil: they go elsewhere
}

// listener is one consumer of events.
type listener struct {
	queue  chan Event
	missed atomic.Uint64
	end    chan struct{} // closed to have what is queued told and the goroutine end
	done   chan struct{} // closed when it has
	tell   func(Event)
	finish func()
}

func newReporter(logger *slog.Logger, inside context.Context, onEvent func(Event)) *reporter {
	r := new(reporter)
	if logger == nil {
		logger = r.toStderr()
	}
	d := &diagnostics{logger: logger, ctx: inside, told: make(map[topic]*telling)}
	r.listen(d.tell, d.finish)
	if onEvent != nil {
		r.listen(onEvent, func() {})
	}
	return r
}

// toStderr returns a logger to a duplicate of stderr: a write to descriptor 2
// itself ends the process when its reader is gone. A program without stderr has
// no diagnostics.
func (r *reporter) toStderr() *slog.Logger {
	var w io.Writer = io.Discard
	if f, err := console.Duplicate(os.Stderr); err == nil {
		r.stderr, w = f, f
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

func (r *reporter) listen(tell func(Event), finish func()) {
	l := &listener{
		queue:  make(chan Event, eventQueue),
		end:    make(chan struct{}),
		done:   make(chan struct{}),
		tell:   tell,
		finish: finish,
	}
	r.listeners = append(r.listeners, l)
	go l.run()
}

// report queues e. Safe for concurrent use; never blocks.
func (r *reporter) report(e Event) {
	e.Time = time.Now()
	for _, l := range r.listeners {
		select {
		case l.queue <- e:
		default:
			l.missed.Add(1)
		}
	}
}

// close has what is queued told, and waits for that for at most d for each
// listener.
func (r *reporter) close(d time.Duration) {
	for _, l := range r.listeners {
		close(l.end)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for _, l := range r.listeners {
		select {
		case <-l.done:
		case <-timer.C:
			timer.Reset(0)
		}
	}
	if r.stderr != nil {
		_ = r.stderr.Close() // nothing is buffered in it
	}
}

func (l *listener) run() {
	finished := false
	defer func() {
		if finished {
			close(l.done)
		} else {
			go l.run() // runtime.Goexit in code of the user ended this goroutine
		}
	}()
	for {
		select {
		case e := <-l.queue:
			l.pass(e)
			continue
		default:
		}
		select {
		case e := <-l.queue:
			l.pass(e)
		case <-l.end:
			if len(l.queue) == 0 {
				finished = true
				safely(l.finish)
				return
			}
		}
	}
}

// pass tells e, and what was missed before it.
func (l *listener) pass(e Event) {
	e.Missed = l.missed.Swap(0)
	safely(func() { l.tell(e) })
}

// safely calls f, which may end in code of the user. A panic ends here: there is
// nobody left to tell.
func safely(f func()) {
	defer func() { _ = recover() }()
	f()
}

// topic is what is told at most once an interval.
type topic struct {
	kind EventKind
	sink string
}

// telling is what is known of a topic.
type telling struct {
	last       time.Time
	suppressed uint64 // since then
}

// diagnostics writes events as log lines, rate limited.
type diagnostics struct {
	logger *slog.Logger
	ctx    context.Context // marks the lines as the pipeline's own
	told   map[topic]*telling
	missed uint64 // events lost before the next line
}

func (d *diagnostics) tell(e Event) {
	d.missed += e.Missed
	attrs := make([]slog.Attr, 0, 8)
	if e.Sink != "" {
		attrs = append(attrs, slog.String("sink", e.Sink))
	}
	r := e.reading()
	if !r.always {
		at := topic{e.Kind, e.Sink}
		t := d.told[at]
		if t == nil {
			t = new(telling)
			d.told[at] = t
		} else if e.Time.Sub(t.last) < diagnosticInterval {
			t.suppressed++
			return
		}
		if t.suppressed > 0 {
			attrs = append(attrs, slog.Uint64("suppressed", t.suppressed))
		}
		*t = telling{last: e.Time}
	}
	if e.Count > 0 && e.Kind != EventCircuit {
		attrs = append(attrs, slog.Uint64("records", e.Count))
	}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", string(e.Reason)))
	}
	if e.Err != "" {
		attrs = append(attrs, slog.String("error", e.Err))
	}
	if d.missed > 0 {
		attrs = append(attrs, slog.Uint64("missed", d.missed))
		d.missed = 0
	}
	d.logger.LogAttrs(d.ctx, r.level, r.message, attrs...)
}

// finish tells of what was suppressed and has had no later line to say so.
func (d *diagnostics) finish() {
	if d.missed > 0 {
		d.logger.LogAttrs(d.ctx, slog.LevelWarn, "diagnostics missed", slog.Uint64("missed", d.missed))
	}
	for at, t := range d.told {
		if t.suppressed > 0 {
			d.logger.LogAttrs(d.ctx, slog.LevelWarn, "further diagnostics suppressed",
				slog.String("sink", at.sink), slog.String("kind", string(at.kind)), slog.Uint64("suppressed", t.suppressed))
		}
	}
}

// reading is how an event reads as a line.
type reading struct {
	level   slog.Level
	message string

	// It is told whatever the rate: a change from one state to another, without
	// which a log ends with what is not true, or one of few.
	always bool
}

// readings are those of all events but of a circuit's changes.
var readings = map[EventKind]reading{
	EventFailed:     {level: slog.LevelWarn, message: "sink attempt failed"},
	EventParked:     {level: slog.LevelError, message: "sink parked: it needs a change of configuration or credentials"},
	EventResumed:    {level: slog.LevelInfo, message: "sink works again"},
	EventGone:       {level: slog.LevelWarn, message: "sink gone"},
	EventQuarantine: {level: slog.LevelWarn, message: "records quarantined"},
	EventDropped:    {level: slog.LevelError, message: "records dropped"},
	EventPanic:      {level: slog.LevelError, message: "panic contained"},
	EventDegraded:   {slog.LevelError, "journal in memory: what it holds is lost if the process ends", true},
	EventRestored:   {slog.LevelInfo, "journal on disk again", true},
	EventJournal:    {slog.LevelWarn, "journal directory", true},
}

// reading returns how e reads as a line.
func (e Event) reading() reading {
	switch {
	case e.Kind != EventCircuit:
		return readings[e.Kind]
	case e.To == breaker.Open:
		return reading{slog.LevelWarn, "sink circuit open", true}
	}
	return reading{slog.LevelInfo, "sink circuit " + e.To.String(), true}
}

// reportPanic tells of a panic in code of the user. Safe for concurrent use.
func (d *delivery) reportPanic(where string, v any) {
	d.report(Event{Kind: EventPanic, Err: d.clean(fmt.Errorf("%s: panic: %v", where, v))})
}

// masker returns a function that gives an error's text with every secret
// masked, cut at maxErrorText.
func masker(secrets []string) func(error) string {
	mask := sink.NewMasker(secrets...).Text
	return func(err error) string {
		text := mask(errorText(err))
		if len(text) > maxErrorText {
			text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
		}
		return text
	}
}

// errorText returns err's text; the Error method may be the user's and panic.
func errorText(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("panic in Error: %v", v)
		}
	}()
	return err.Error()
}
