package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
)

// renderProgress returns the lines that show now, when it was last elapsed ago. None
// is as wide as the screen, so that it does not wrap, and with the cursor's line they
// fit on it: of more sinks those that are not well come first.
func renderProgress(last, now fapilog.Stats, elapsed time.Duration, on screen) (lines [][]byte) {
	add := func(text string) { lines = append(lines, []byte(shortenTo(text, on.columns-1))) }
	add(fmt.Sprintf("%s records  %s/s  journal %s", grouped(now.Appended), rate(last.Appended, now.Appended, elapsed), size(uint64(now.JournalBytes))))
	shown := shownSinks(now.Sinks, max(1, on.rows-2))
	name := 0
	for _, k := range shown {
		name = max(name, len(k.Name))
	}
	for _, k := range shown {
		add(fmt.Sprintf("  %-*s  %s", min(name, 24), shortenTo(k.Name, 24), sinkText(k)))
	}
	if more := len(now.Sinks) - len(shown); more > 0 {
		add(fmt.Sprintf("  and %d more", more))
	}
	return lines
}

// shownSinks returns all sinks or, where there is no room, those that are not well
// before the others, and one fewer than most: a line says how many there are besides.
func shownSinks(all []fapilog.SinkStats, most int) []fapilog.SinkStats {
	if len(all) <= most {
		return all
	}
	var sick, well []fapilog.SinkStats
	for _, k := range all {
		if condition(k) == "" {
			well = append(well, k)
		} else {
			sick = append(sick, k)
		}
	}
	return append(sick, well...)[:most-1]
}

// sinkText returns what there is to say of a sink.
func sinkText(k fapilog.SinkStats) string {
	parts := []string{grouped(k.Delivered) + " delivered"}
	if k.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%s behind, %s", grouped(k.Pending), lag(k.OldestPending)))
	}
	if n := lost(k); n > 0 {
		parts = append(parts, grouped(n)+" lost")
	}
	if c := condition(k); c != "" {
		parts = append(parts, c)
		if k.LastError != "" {
			parts = append(parts, printable(k.LastError))
		}
	}
	return strings.Join(parts, "  ")
}

// condition says what is wrong with a sink; empty: nothing.
func condition(k fapilog.SinkStats) string {
	switch {
	case k.Gone:
		return "gone"
	case k.Parked:
		return "parked"
	case k.Circuit != breaker.Closed:
		return "circuit " + k.Circuit.String()
	}
	return ""
}

// lost is how many records of this process a sink will not get.
func lost(k fapilog.SinkStats) uint64 {
	n := k.Quarantined
	for _, dropped := range k.Dropped {
		n += dropped
	}
	return n - min(n, k.LostBefore)
}

// grouped writes n with commas between thousands.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// rate returns how many there were in a second.
func rate(last, now uint64, elapsed time.Duration) string {
	if elapsed <= 0 || now < last {
		return "0"
	}
	return grouped(uint64(float64(now-last)/elapsed.Seconds() + 0.5))
}

// lag writes d with its seconds, below a minute with tenths.
func lag(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return sink.Duration(d.Round(time.Second)).String()
}

// printable replaces what would move a terminal's cursor, or do worse.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// shortenTo cuts s to so many columns, and shows that.
func shortenTo(s string, columns int) string {
	used, fits := 0, 0 // columns up to i; bytes that leave room for the mark
	for i, r := range s {
		if used < columns {
			fits = i
		}
		if used += width(r); used > columns {
			return s[:fits] + "…"[:len("…")*min(1, max(0, columns))]
		}
	}
	return s
}

// width is how many columns a character takes: two in the scripts of East Asia and
// among the pictographs, roughly (Unicode Standard Annex #11).
func width(r rune) int {
	if r >= 0x1100 && r <= 0x115f || r >= 0x2e80 {
		return 2
	}
	return 1
}
