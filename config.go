package fapilog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// Config describes a pipeline. The zero Config, with at least one Route, is
// ready to use. [New] copies it; what its fields refer to must not change
// afterwards, except the level of a [slog.LevelVar].
type Config struct {
	Routes   []Route  // the sinks, in order; at least one that is no standby
	Defaults Delivery // for every sink; a sink that Defaults.Fallback names is not diverted itself

	Level       slog.Leveler                                 // of every sink that has none of its own; nil: Info; a panic counts as Info
	AddSource   bool                                         // as in slog.HandlerOptions
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr // as in slog.HandlerOptions; a panic masks the field
	Context     func(context.Context) []slog.Attr            // e.g. request id, trace id; called on the caller's goroutine
	Redact      encode.Redact                                // zero value: on
	MaxRecord   int                                          // bytes of a record's JSON, 1 KiB or more; longer is cut and marked; 0: 256 KiB

	Journal journal.Config // zero value: memory, 64 MiB; a relative Dir is one of the working directory at New
	Grace   time.Duration  // how long Close may take when its context has no deadline; 0: 10 s; negative: it does not wait
	Serial  bool           // all deliveries on one goroutine, in the order of Routes; a hung sink then delays the others

	// Diagnostics tells of failures, drops and circuits, rate limited; nil: text on a
	// duplicate of stderr. It must not lead back to this pipeline. The logger that
	// slog.Default returns at first would, after slog.SetDefault(p.Logger()), as its
	// handler writes through package log: it is a mistake.
	Diagnostics *slog.Logger
	OnEvent     func(Event) // called on one goroutine of its own, with a bounded queue; panics are contained
}

// Route is one sink and how records travel to it. Exactly one of URI and Sink
// is set.
type Route struct {
	// Name is the sink's name in statistics, events and diagnostics, and what
	// Fallback refers to: 1 to 64 letters, digits and . _ -, the first a letter
	// or digit, unique. Empty: the scheme, or "sink" for a Sink; the second one
	// with it is "file-2". The parameter name goes before it.
	//
	// A durable journal keeps under it how far the sink has come. Without a name
	// that is under the URI's scheme, host and path, so user, password, parameters
	// and the sink's place in the list may change; a Sink needs a Name, and of
	// several sinks with the same scheme, host and path all but one do.
	Name string

	// URI is scheme://user:password@host/path?parameter=value&…, or a scheme
	// alone; see sink.Parse. The parameters of Delivery, and name, standby, from
	// and enabled, may stand in it as well as the sink's own. Parameters go before
	// what the other fields say.
	URI string

	// Sink is a sink that exists already. The pipeline closes it, once: no two
	// Routes have the same one.
	Sink sink.Sink

	// Standby makes a sink that receives only what other sinks divert to it, and
	// writes all of that at once, whatever its level: a Filter, Level, Linger,
	// OnFull or BlockTimeout of its own is a mistake. Two sinks that divert one
	// record to the same standby do so twice.
	Standby bool

	// Filter reports whether a record is for this sink; nil: all are. It does not
	// apply to what other sinks divert to this one: their filters have decided.
	// Where this sink is a fallback and no standby, its answer for a record must
	// stay the same if each record is to reach the sink exactly once.
	//
	// It is called once or more for a record, on a goroutine of the pipeline, and
	// must not log to this pipeline: with on-full=block that waits for itself.
	Filter func(sink.Record) bool

	// From is where a sink begins for which the durable journal's directory keeps
	// nothing. A journal in memory has nothing older, so it does not matter there.
	From From

	Delivery Delivery // goes before Config.Defaults

	variable lookup // of ${NAME} in URI; nil: there is none

	ambiguous bool // it comes from a list, where it may belong to the URI before it
}

// From says where in a durable journal a sink begins that is new to it.
type From int

const (
	FromOldest From = iota + 1 // with the oldest record that is kept; the default
	FromEnd                    // with the first record after what earlier processes have left
)

// OnOpen says what becomes of records while a sink's circuit is open.
type OnOpen int

const (
	Hold     OnOpen = iota + 1 // they wait in the journal; the default
	Skip                       // they are dropped and counted as circuit_open
	Fallback                   // they are diverted to the sink named by Delivery.Fallback
)

// OnFull says what an append does when the journal is full and the oldest
// records have not been read for a sink.
type OnFull int

const (
	DropOldest OnFull = iota + 1 // they are evicted and counted as overflow; the default
	Block                        // the caller waits for the sink, up to Delivery.BlockTimeout; then they are evicted
)

// Forever, as Delivery.BlockTimeout, is a wait without end.
const Forever time.Duration = -1

// Delivery is how records travel to one sink. The zero value of a field is
// unset: what counts then is, in this order, Config.Defaults, Config.Level for
// Level, the sink's own preference (console and file have a Linger of 5 ms), and
// the default given here. Numbers are never negative except where it says so.
//
// The names of the URI's parameters are those of the fields, in lower case with
// hyphens: batch-records, retry-base; on-open is hold, skip or fallback, on-full
// is drop-oldest or block, and Breaker is breaker (true or false),
// breaker-failures, breaker-recovery and breaker-probes. In a URI 0 is not
// unset: it is 0, and an error where that makes no sense.
type Delivery struct {
	// Level is the least level of a record for this sink, asked for each batch. It
	// does not apply to what other sinks divert to this one: their levels have
	// decided. Where this sink is a fallback and no standby, a slog.LevelVar must
	// not change while the pipeline runs if each record is to reach the sink
	// exactly once.
	Level slog.Leveler

	BatchRecords int // most records in one batch; 1000
	BatchBytes   int // most bytes of JSON in one batch of several records; 1 MiB

	Linger    time.Duration // how long a record waits for its batch to fill; 1 s; negative: it does not wait
	Timeout   time.Duration // of one attempt; 10 s
	RetryBase time.Duration // the first backoff is random below it, each further one below twice as much; 200 ms
	RetryMax  time.Duration // limit of that; 30 s; not less than RetryBase
	RetryFor  time.Duration // a batch that has been tried for longer is dropped as expired; negative or unset: never

	InFlight int            // attempts at the same time; more than 1 gives up the order of batches; 1
	Breaker  breaker.Config // on; 5 failures, 30 s, 1 probe; once Off here, it is on again only by a URI's or variable's breaker=true
	OnOpen   OnOpen         // Hold, or Fallback where Fallback is set
	Fallback string         // the sink to divert to; OnOpen must be Fallback or unset

	OnFull       OnFull        // DropOldest
	BlockTimeout time.Duration // longest wait of one append; after one in vain, none until the sink has read to the end of a segment; 100 ms; Forever
	Quarantine   string        // directory for records that the destination refuses; quarantine in that of a durable journal, else none: they are dropped and counted

	breakerOn bool // breaker=true was said: goes before Breaker.Off of an earlier layer
}

const defaultGrace = 10 * time.Second

// withDefaults returns c with what is unset replaced by its default. Delivery's
// defaults are per sink: see resolve.
func (c Config) withDefaults() Config {
	if c.Level == nil {
		c.Level = slog.LevelInfo
	}
	replaceUnset(&c.MaxRecord, encode.DefaultMaxRecord)
	replaceUnset(&c.Grace, defaultGrace)
	c.Grace = max(none, c.Grace)
	segmented := c.Journal.SegmentBytes > 0
	c.Journal = c.Journal.WithDefaults()
	if !segmented {
		// A small journal has small segments, and a record must fit into one.
		c.Journal.SegmentBytes = max(c.Journal.SegmentBytes, min(largestFrame(c.MaxRecord), c.Journal.MaxBytes/2))
	}
	return c
}

func replaceUnset[T comparable](field *T, value T) {
	var unset T
	if *field == unset {
		*field = value
	}
}

// largestFrame returns what a record of maxRecord bytes takes in the journal.
func largestFrame(maxRecord int) int64 { return int64(maxRecord) + journal.FrameOverhead }

// check returns the mistakes in what is not about a single sink.
func (c Config) check() (mistakes []error) {
	if err := checkLevel(c.Level); err != nil {
		mistakes = append(mistakes, err)
	}
	_, err := encode.New(encode.Options{Redact: c.Redact, MaxRecord: c.MaxRecord})
	mistakes = append(mistakes, flatten(err)...)
	if err := checkJournalDir(c.Journal.Dir); err != nil {
		mistakes = append(mistakes, fmt.Errorf("Journal.Dir is %s: %w", quote(c.Journal.Dir), err))
	}
	journalErr := c.Journal.Validate()
	mistakes = append(mistakes, flatten(journalErr)...)
	if d := c.withDefaults(); err == nil && journalErr == nil && largestFrame(d.MaxRecord) > d.Journal.SegmentBytes {
		raise := "Journal.MaxBytes"
		if c.Journal.SegmentBytes > 0 {
			raise = "Journal.SegmentBytes"
		}
		mistakes = append(mistakes, fmt.Errorf("records of up to %v do not fit into the journal's segments of %v; raise %s or lower MaxRecord",
			sink.Bytes(d.MaxRecord), sink.Bytes(d.Journal.SegmentBytes), raise))
	}
	if isInitialDefault(c.Diagnostics) {
		mistakes = append(mistakes, errors.New("the logger that slog.Default returns at first as Diagnostics: slog.SetDefault leads its lines to the pipeline; want one with a handler of its own, or nil"))
	}
	for _, err := range c.Defaults.check() {
		mistakes = append(mistakes, fmt.Errorf("defaults: %w", err))
	}
	return mistakes
}

// isInitialDefault reports whether l has the handler of slog's first default logger. It
// writes through package log, and slog.SetDefault has that write to the new default.
func isInitialDefault(l *slog.Logger) bool {
	return l != nil && fmt.Sprintf("%T", l.Handler()) == "*slog.defaultHandler" // which is not exported
}
