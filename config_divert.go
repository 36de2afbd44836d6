package fapilog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// divert resolves the names that sinks divert to. inherited is the one that
// Config.Defaults gives to all sinks but the one it names. It returns the
// mistakes of the list as a whole.
func divert(drafts []*draft, inherited string) (mistakes []error) {
	index := make(map[string]int)
	for i := len(drafts) - 1; i >= 0; i-- {
		index[drafts[i].name] = i
	}
	unknown := false // the inherited one; told once
	for i, d := range drafts {
		if d.broken || d.disabled || d.delivery.OnOpen != Fallback {
			continue
		}
		name := d.delivery.Fallback
		fromDefaults := d.inherited && name == inherited
		target, found := index[name]
		switch {
		case name == "":
			mistakes = append(mistakes, d.mistake("on-open is fallback; want fallback=NAME as well"))
		case fromDefaults && name == d.name:
			d.delivery.OnOpen, d.delivery.Fallback = Hold, ""
		case !found && slices.ContainsFunc(drafts, func(d *draft) bool { return d.unread }):
			// That one may be it.
		case fromDefaults && (!found || drafts[target].disabled):
			if !unknown {
				mistakes = append(mistakes, fmt.Errorf("fallback of all sinks: %w", noTarget(drafts, name)))
			}
			unknown = true
		case !found || drafts[target].disabled:
			mistakes = append(mistakes, d.mistake("fallback: %w", noTarget(drafts, name)))
		case target == i:
			mistakes = append(mistakes, d.mistake("fallback is the sink itself"))
		default:
			d.fallback = target
		}
	}
	mistakes = append(mistakes, circles(drafts)...)
	return append(mistakes, receivers(drafts)...)
}

// noTarget says why there is no sink of that name to divert to.
func noTarget(drafts []*draft, name string) error {
	var names []string
	for _, d := range drafts {
		switch {
		case d.disabled && d.name == name:
			return fmt.Errorf("sink %q is disabled", name)
		case !d.disabled:
			names = append(names, d.name)
		}
	}
	return fmt.Errorf("no sink is named %s; the names are: %s", quote(name), strings.Join(names, ", "))
}

// withoutEffect reports what a standby has been given of its own that only
// matters for a sink that reads the journal.
func withoutEffect(filter bool, from From, own Delivery) []error {
	var settings []string
	add := func(is bool, name string) {
		if is {
			settings = append(settings, name)
		}
	}
	add(filter, "filter")
	add(from != 0, "from")
	add(own.Level != nil, "level")
	add(own.Linger != 0, "linger")
	add(own.OnFull != 0, "on-full")
	add(own.BlockTimeout != 0, "block-timeout")
	if len(settings) == 0 {
		return nil
	}
	return []error{fmt.Errorf("%s: without effect on a standby, which writes all that is diverted to it, at once", strings.Join(settings, ", "))}
}

// circles reports each ring of sinks that divert to each other, at the first of
// them.
func circles(drafts []*draft) (mistakes []error) {
	for i := range drafts {
		ring := []string{drafts[i].name}
		at := drafts[i].fallback
		for at >= 0 && at > i && len(ring) <= len(drafts) {
			ring = append(ring, drafts[at].name)
			at = drafts[at].fallback
		}
		if at == i {
			mistakes = append(mistakes, drafts[i].mistake("fallbacks form a circle: %s, %s", strings.Join(ring, ", "), ring[0]))
		}
	}
	return mistakes
}

// receivers reports standbys that can receive nothing, and a list of sinks none
// of which reads the journal. Sinks with mistakes of their own might.
func receivers(drafts []*draft) (mistakes []error) {
	if len(drafts) == 0 || slices.ContainsFunc(drafts, func(d *draft) bool { return d.broken }) {
		return nil
	}
	enabled, reading := 0, 0
	for i, d := range drafts {
		if d.disabled {
			continue
		}
		enabled++
		if !d.standby {
			reading++
			continue
		}
		if !slices.ContainsFunc(drafts, func(from *draft) bool {
			return !from.disabled && from.fallback == i && !from.delivery.Breaker.Off
		}) {
			mistakes = append(mistakes, d.mistake("standby, but no sink with a breaker has fallback=%s", d.name))
		}
	}
	switch {
	case enabled == 0:
		mistakes = append(mistakes, errors.New("every sink is disabled"))
	case reading == 0:
		mistakes = append(mistakes, errors.New("every sink is a standby; want one that is not"))
	}
	return mistakes
}
