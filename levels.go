package fapilog

import (
	"fmt"
	"log/slog"
	"strings"
)

// levels answers whether any sink wants a level. It costs the same for any
// number of sinks, as long as their levels are constants.
type levels struct {
	lowest  slog.Level     // of the constant ones
	dynamic []slog.Leveler // asked each time
}

// newLevels takes the levels of all sinks but standbys, which have none.
func newLevels(deliveries []*delivery) *levels {
	l := &levels{lowest: slog.Level(1<<31 - 1)}
	for _, d := range deliveries {
		if d.cursor == nil {
			continue
		}
		switch level := (*d.leveler.Load()).(type) {
		case slog.Level:
			l.lowest = min(l.lowest, level)
		case *slog.LevelVar:
			l.dynamic = append(l.dynamic, level)
		default:
			l.dynamic = append(l.dynamic, contained{d, level})
		}
	}
	return l
}

// contained is a sink's Leveler that is code of the user, and may panic.
type contained struct {
	d *delivery
	l slog.Leveler
}

// Level implements [slog.Leveler].
func (c contained) Level() slog.Level { return c.d.askLevel(c.l) }

// min returns the lowest level that any sink wants now.
func (l *levels) min() slog.Level {
	lowest := l.lowest
	for _, d := range l.dynamic {
		lowest = min(lowest, d.Level())
	}
	return lowest
}

// SetLevel changes the least level of a record for the sink of that name; nil
// brings back what was configured. It counts for records that are logged, and for
// those that the sink has not read, from now on: what no sink wanted when it was
// logged was not kept. Where the sink is the fallback of another, see
// Delivery.Level.
//
// A name that no sink has, and a standby, which has no level, are an error. Safe
// for concurrent use.
func (p *Pipeline) SetLevel(sink string, level slog.Leveler) error {
	if err := checkLevel(level); err != nil {
		return fmt.Errorf("fapilog: %w", err)
	}
	p.levelsMu.Lock()
	defer p.levelsMu.Unlock()
	d, err := p.deliveryOf(sink)
	if err != nil {
		return err
	}
	if level == nil {
		level = d.config.Level
	}
	d.leveler.Store(&level)
	p.levels.Store(newLevels(p.deliveries))
	return nil
}

// deliveryOf returns the delivery of a sink that has a level.
func (p *Pipeline) deliveryOf(sink string) (*delivery, error) {
	var names []string
	for _, d := range p.deliveries {
		switch {
		case d.name == sink && d.cursor == nil:
			return nil, fmt.Errorf("fapilog: sink %s is a standby, which has no level", sink)
		case d.name == sink:
			return d, nil
		case d.cursor != nil:
			names = append(names, d.name)
		}
	}
	return nil, fmt.Errorf("fapilog: no sink is named %q; there are %s", sink, strings.Join(names, ", "))
}
