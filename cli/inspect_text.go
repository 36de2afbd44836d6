package cli

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fapilog/fapilog/journal/archive"
)

// appendReport appends the report as text for a person, who wants to know which
// sink is behind, by how much, and whether anything is lost.
func appendReport(dst []byte, r archive.Report, verified bool, now time.Time) []byte {
	b := bytes.NewBuffer(dst)
	fmt.Fprintf(b, "%s: %s, %s\n", r.Dir, count(uint64(len(r.Lives)), "life", "lives"), size(uint64(r.Bytes)))
	writeLags(b, r.Lives, now)
	for _, l := range r.Lives {
		b.WriteByte('\n')
		writeLife(b, l, r.Unseen, now)
	}
	writeRest(b, r, verified)
	return b.Bytes()
}

// writeLags writes how far each sink is behind in all lives together.
func writeLags(b *bytes.Buffer, lives []archive.Life, now time.Time) {
	sum := make(map[string]archive.Cursor)
	width := 0
	for _, l := range lives {
		for _, c := range l.Cursors {
			s := sum[c.Key]
			s.Damaged = s.Damaged || c.Damaged
			s.Lag += c.Lag
			s.LagBytes += c.LagBytes
			if s.OldestPending.IsZero() || !c.OldestPending.IsZero() && c.OldestPending.Before(s.OldestPending) {
				s.OldestPending = c.OldestPending
			}
			sum[c.Key] = s
			width = max(width, len(c.Key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(sum)) {
		c := sum[key]
		fmt.Fprintf(b, "  %-*s  ", width, key)
		switch {
		case c.Lag > 0:
			fmt.Fprintf(b, "%s pending, %s", count(c.Lag, "record", "records"), size(c.LagBytes))
			if !c.OldestPending.IsZero() {
				fmt.Fprintf(b, ", the oldest logged %s ago", age(c.OldestPending, now))
			}
		case !c.Damaged:
			b.WriteString("has settled everything")
		}
		if c.Damaged {
			b.WriteString("  A CURSOR IS DAMAGED")
		}
		b.WriteByte('\n')
	}
}

func writeLife(b *bytes.Buffer, l archive.Life, unseen bool, now time.Time) {
	state := "not in use"
	switch {
	case l.Newer:
		state = "of another version of the format or byte order: left alone"
	case l.Drained:
		state = "drained: about to be removed"
	case l.InUse:
		state = "in use"
	case unseen:
		state = "in use or not, which this system does not show"
	}
	fmt.Fprintf(b, "life %s  %s\n", l.ID, state)
	if l.Newer {
		return
	}
	if !l.Created.IsZero() {
		fmt.Fprintf(b, "  created %s, %s ago\n", l.Created.UTC().Format(time.DateTime+"Z"), age(l.Created, now))
	}
	var bytes uint64
	for _, s := range l.Segments {
		bytes += s.Bytes
	}
	fmt.Fprintf(b, "  %s in %s, %s", count(l.Records, "record", "records"), count(uint64(len(l.Segments)), "segment", "segments"), size(bytes))
	if l.Records > 0 {
		fmt.Fprintf(b, ": %016x to %016x", l.First, l.End-1)
	}
	b.WriteByte('\n')
	for _, s := range l.Segments {
		if s.Damage > 0 {
			fmt.Fprintf(b, "  DAMAGED  %s: %s of %d cannot be read\n", s.File, count(s.Damage, "record", "records"), s.EndSeq-s.FirstSeq)
		}
	}
	writeCursors(b, l.Cursors, now)
	writeCarried(b, l.Carried)
}

// table writes rows whose first cell is aligned to the left and the others to the
// right.
func table(b *bytes.Buffer, rows [][]string) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		fmt.Fprintf(w, "  %-*s\t%s\t\n", width, row[0], strings.Join(row[1:], "\t"))
	}
	_ = w.Flush() // a buffer's Write does not fail
}

func writeCursors(b *bytes.Buffer, cursors []archive.Cursor, now time.Time) {
	if len(cursors) == 0 {
		b.WriteString("  no sink has settled anything here\n")
		return
	}
	rows := [][]string{{"sink", "pending", "bytes", "oldest", "delivered", "filtered", "diverted", "quarantined", "dropped"}}
	for _, c := range cursors {
		if c.Damaged {
			rows = append(rows, []string{c.Key, "all?", "?", "?", "?", "?", "?", "?", "?"})
			continue
		}
		oldest := "-"
		if !c.OldestPending.IsZero() {
			oldest = age(c.OldestPending, now)
		}
		rows = append(rows, append([]string{c.Key, fmt.Sprint(c.Lag), size(c.LagBytes), oldest}, fates(c.Tally)...))
	}
	table(b, rows)
}

// writeCarried writes what the life counts of lives that are gone.
func writeCarried(b *bytes.Buffer, carried map[string]archive.Tally) {
	if len(carried) == 0 {
		return
	}
	b.WriteString("  of lives that are drained and removed:\n")
	rows := [][]string{{"sink", "delivered", "filtered", "diverted", "quarantined", "dropped"}}
	for _, key := range slices.Sorted(maps.Keys(carried)) {
		rows = append(rows, append([]string{key}, fates(carried[key])...))
	}
	table(b, rows)
}

func fates(t archive.Tally) (cells []string) {
	for _, n := range []uint64{t.Delivered, t.Filtered, t.Diverted, t.Quarantined, t.Dropped()} {
		cells = append(cells, fmt.Sprint(n))
	}
	return cells
}

func writeRest(b *bytes.Buffer, r archive.Report, verified bool) {
	b.WriteByte('\n')
	for _, q := range r.Quarantine {
		fmt.Fprintf(b, "quarantine/%s: %s, %s\n", q.File, count(uint64(q.Lines), "record", "records"), size(uint64(q.Bytes)))
	}
	if r.Damaged > 0 {
		fmt.Fprintf(b, "damaged: %s that recovery has set aside\n", count(uint64(r.Damaged), "file", "files"))
	}
	for _, name := range r.Foreign {
		fmt.Fprintf(b, "not the journal's, and left alone: %q\n", name)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(b, "PROBLEM  %s\n", p)
	}
	switch n := r.Damage(); {
	case !verified:
		b.WriteString("damage: not looked for; --verify reads every record\n")
	case n > 0:
		fmt.Fprintf(b, "damage: %s cannot be read\n", count(n, "record", "records"))
	default:
		b.WriteString("damage: none; every record was read\n")
	}
}

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// size returns n bytes in the unit that leaves at most four digits before the
// point.
func size(n uint64) string {
	if n < 10_000 {
		return fmt.Sprintf("%dB", n)
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if f /= 1024; f < 9999.5 {
			return fmt.Sprintf("%.1f%s", f, unit)
		}
	}
	return fmt.Sprintf("%.1fTiB", f/1024)
}

// age returns how long ago t was, in its two largest units. A clock that was set
// makes it 0s at least.
func age(t, now time.Time) string {
	d := max(0, now.Sub(t)).Round(time.Second)
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%dd%dh", days, d%(24*time.Hour)/time.Hour)
	}
	if hours := d / time.Hour; hours > 0 {
		return fmt.Sprintf("%dh%dm", hours, d%time.Hour/time.Minute)
	}
	return d.String()
}
