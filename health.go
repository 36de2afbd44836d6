package fapilog

import (
	"encoding/hex"
	"maps"
	"slices"
	"sync"

	"github.com/fapilog/fapilog/journal"
)

// health tells of changes of a durable journal's health, each once, and of what the
// journal lets go of that no sink will get.
type health struct {
	reporter *reporter
	also     func(journal.Health) // the configuration's own; nil: none
	alsoGone func(journal.Gone)   // the same

	mu   sync.Mutex
	last journal.Health    // as told
	gone map[string]uint64 // records, by key
}

func newHealth(r *reporter, cfg journal.Config) *health {
	return &health{reporter: r, also: cfg.OnHealth, alsoGone: cfg.OnGone, last: journal.Health{OnDisk: true}}
}

// lost is the journal's OnGone.
func (h *health) lost(g journal.Gone) {
	h.mu.Lock()
	if h.gone == nil {
		h.gone = make(map[string]uint64)
	}
	h.gone[g.Key] += g.Records
	h.mu.Unlock()
	h.reporter.report(Event{
		Kind: EventDropped, Sink: g.Key, Reason: DroppedGone, Count: g.Records,
		Err: "the sink is configured no more, or disabled; an earlier process had left them for it",
	})
	if h.alsoGone != nil {
		safely(func() { h.alsoGone(g) })
	}
}

// lostSoFar returns what was dropped, by key; nil: nothing.
func (h *health) lostSoFar() map[string]uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.gone)
}

// changed is the journal's OnHealth.
func (h *health) changed(now journal.Health) {
	h.tell(now)
	if h.also != nil {
		safely(func() { h.also(now) })
	}
}

func (h *health) tell(now journal.Health) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case now.OnDisk && !h.last.OnDisk:
		h.reporter.report(Event{Kind: EventRestored})
	case !now.OnDisk && h.last.OnDisk:
		// While it is in memory it tries again and again, and how that fails is no
		// news.
		h.reporter.report(Event{Kind: EventDegraded, Err: now.Err})
	}
	for _, problem := range now.Problems {
		if !slices.Contains(h.last.Problems, problem) { // some pass
			h.reporter.report(Event{Kind: EventJournal, Err: problem})
		}
	}
	h.last = now
}

// journalStats returns how the journal is doing; nil if it is in memory by
// choice.
func (p *Pipeline) journalStats() *JournalStats {
	if p.config.Journal.Dir == "" {
		return nil
	}
	h, id := p.journal.Health(), p.journal.ID()
	return &JournalStats{
		Dir:    p.config.Journal.Dir,
		Name:   hex.EncodeToString(id[:]),
		OnDisk: h.OnDisk,
		Err:    h.Err,
		Since:  h.Since,
		Lives:  h.Lives,
		Gone:   p.health.lostSoFar(),

		Problems: h.Problems,
	}
}
