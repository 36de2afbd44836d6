package fapilog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal"
)

// Pipeline carries records to its sinks. It is safe for concurrent use.
type Pipeline struct {
	config     Config
	journal    *journal.Journal
	encoder    *encode.Encoder
	levels     atomic.Pointer[levels]
	levelsMu   sync.Mutex  // held by SetLevel
	deliveries []*delivery // in the order of the configuration
	loops      []*loop
	reporter   *reporter
	health     *health
	closer     closer
	replays    bool // payloads begin with the record's id; see Replayer

	closing  atomic.Bool
	closed   chan struct{} // closed when the first Close has ended
	closeErr error         // what it returned; set before closed is closed

	// Of *call. The runtime keeps a pool that has been used, and what its items point to,
	// for two more collections. So neither they nor offered are parts of the pipeline:
	// closed ones would stay that long, each with its journal.
	calls   *sync.Pool
	offered *counters

	encodeFailed atomic.Uint64
	lateCalls    atomic.Uint64
	refused      atomic.Uint64
}

// Open opens the sinks that the URIs name. Without URIs it takes the list in
// FAPILOG_SINKS, and where that is unset or blank the console. Everything else
// comes from the FAPILOG_ variables; see ConfigFromEnv. ctx bounds opening only.
func Open(ctx context.Context, uris ...string) (*Pipeline, error) {
	cfg, err := ConfigFromEnv(uris...)
	if err != nil {
		return nil, err
	}
	return New(ctx, cfg)
}

// New opens a pipeline. It never reads the environment. The configuration is
// validated completely before anything is opened or created, and all its
// mistakes are in the one [*ConfigError]; any other error comes from opening the
// journal or a sink. That a destination does not answer is not an error. ctx
// bounds opening only.
//
// The journal is opened before the sinks, and closed again if one of them fails:
// then it has delivered nothing, and what earlier processes have left in a durable
// one is as it was.
func New(ctx context.Context, cfg Config) (*Pipeline, error) {
	cfg, err := cfg.absolute()
	if err != nil {
		return nil, err
	}
	routes, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	p := &Pipeline{
		config: cfg,
		closer: closer{make(chan struct{}, 1)},
		closed: make(chan struct{}),
	}
	p.offered = new(counters)
	p.calls = newCalls(p.offered)
	if p.encoder, err = encode.New(encode.Options{
		AddSource: cfg.AddSource, ReplaceAttr: cfg.ReplaceAttr, Redact: cfg.Redact, MaxRecord: cfg.MaxRecord,
	}); err != nil {
		return nil, fmt.Errorf("fapilog: %w", err)
	}
	if err := p.open(ctx, routes); err != nil {
		p.reporter.close(stopGrace / 5)
		return nil, err
	}
	p.start(routes)
	return p, nil
}

// open opens the journal and the sinks, or nothing.
func (p *Pipeline) open(ctx context.Context, routes []route) (err error) {
	p.reporter = newReporter(p.config.Diagnostics, p.insideContext(), p.config.OnEvent)
	cfg := p.config.Journal
	p.health = newHealth(p.reporter, cfg)
	cfg.OnHealth, cfg.OnGone = p.health.changed, p.health.lost
	if p.journal, err = journal.Open(cfg); err != nil {
		return fmt.Errorf("fapilog: %w", err)
	}
	if err := openSinks(ctx, routes); err != nil {
		p.journal.Close()
		return err
	}
	return nil
}

// openSinks opens every route's sink, or none: when one fails, those opened
// before it are closed.
func openSinks(ctx context.Context, routes []route) error {
	for i := range routes {
		r := &routes[i]
		if r.opener == nil {
			continue
		}
		var err error
		if r.sink, err = r.opener.Open(ctx); err != nil {
			err = fmt.Errorf("fapilog: sink %s: %s", r.name, masker(r.secrets)(err))
			return errors.Join(err, closeSinks(routes[:i]))
		}
	}
	return nil
}

// closeSinks closes the sinks that openSinks opened. Those given by value stay
// their owner's until New succeeds.
func closeSinks(routes []route) (err error) {
	for _, r := range routes {
		if r.opener != nil {
			err = errors.Join(err, r.sink.Close())
		}
	}
	return err
}

// start builds the deliveries and their loops and sets them going.
func (p *Pipeline) start(routes []route) {
	shared := newLoop(make(chan struct{}, 1))
	for _, r := range routes {
		l := shared
		if !p.config.Serial {
			l = newLoop(make(chan struct{}, 1))
			p.loops = append(p.loops, l)
		}
		d := newDelivery(p, r, l.wake)
		l.deliveries = append(l.deliveries, d)
		p.deliveries = append(p.deliveries, d)
	}
	if p.config.Serial {
		p.loops = []*loop{shared}
	}
	for i, r := range routes {
		if r.fallback >= 0 {
			p.deliveries[i].fallback = p.deliveries[r.fallback]
		}
	}
	p.levels.Store(newLevels(p.deliveries))
	p.journal.Ready()
	for _, l := range p.loops {
		go l.run()
	}
}

// Handler returns the pipeline as a [slog.Handler]. Its Handle returns when the
// journal has the record, whatever the sinks do.
func (p *Pipeline) Handler() *Handler { return &Handler{p, p.encoder} }

// Logger returns slog.New(p.Handler()).
func (p *Pipeline) Logger() *slog.Logger { return slog.New(p.Handler()) }

// Stats returns the ledger as of now. The rows are taken one after the other;
// each is consistent in itself.
func (p *Pipeline) Stats() Stats {
	s := Stats{
		EncodeFailed: p.encodeFailed.Load(),
		Closed:       p.lateCalls.Load(),
		Refused:      p.refused.Load(),
		JournalBytes: p.journal.Bytes(),
		Appended:     p.journal.Accepted(),
		Journal:      p.journalStats(),
	}
	for i := range p.offered {
		s.Offered += p.offered[i].n.Load()
	}
	for _, d := range p.deliveries {
		s.Sinks = append(s.Sinks, d.stats())
	}
	return s
}

// State is what a pipeline does with records.
type State string

const (
	StateOpen    State = "open"    // it accepts and delivers them
	StateClosing State = "closing" // Close has begun: it delivers what it has
	StateClosed  State = "closed"  // Close has ended
)

// State returns what the pipeline does now. Safe for concurrent use.
func (p *Pipeline) State() State {
	select {
	case <-p.closed:
		return StateClosed
	default:
	}
	if p.closing.Load() {
		return StateClosing
	}
	return StateOpen
}

// insideContext returns the context of calls that the pipeline makes: what is
// logged with it is refused.
func (p *Pipeline) insideContext() context.Context {
	return context.WithValue(context.Background(), insideKey{}, p)
}
