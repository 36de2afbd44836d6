package fapilog

import (
	"encoding/hex"
	"slices"
	"sync"

	"github.com/fapilog/fapilog/journal"
)

// health tells of changes of a durable journal's health: each once.
type health struct {
	reporter *reporter
	also     func(journal.Health) // the configuration's own; nil: none

	mu   sync.Mutex
	last journal.Health // as told
}

func newHealth(r *reporter, also func(journal.Health)) *health {
	return &health{reporter: r, also: also, last: journal.Health{OnDisk: true}}
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

		Problems: h.Problems,
	}
}
