package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/fapilog/fapilog"
)

// text returns the finding for a person: what would run, and what is set
// otherwise than by default, or everything.
func (f finding) text(all bool) []byte {
	var b bytes.Buffer
	for _, line := range pipelineLines(f.Settings, all) {
		fmt.Fprintf(&b, "%s\n", line)
	}
	for _, s := range f.Sinks {
		fmt.Fprintf(&b, "\n%s", s.Name)
		if s.URI != "" {
			fmt.Fprintf(&b, "  %s", shown(s.URI))
		}
		b.WriteByte('\n')
		for _, line := range sinkLines(s, f.Sinks) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		writeSettings(&b, s.Settings, all, func(name string) bool {
			return slices.Contains(toldOtherwise, name) || name == "level" && value(s.Settings, name) == value(f.Settings, name)
		})
	}
	if len(f.Pings) > 0 {
		b.WriteString("\nping\n")
		writePings(&b, f.Pings)
	}
	return b.Bytes()
}

// pipelineLines returns what concerns no single sink.
func pipelineLines(settings []fapilog.Setting, all bool) []string {
	journal := fmt.Sprintf("journal in memory, at most %s: what it holds is lost with the process", value(settings, "journal-max-bytes"))
	if dir := value(settings, "journal"); dir != "" {
		journal = fmt.Sprintf("journal in %s, at most %s", shown(dir), value(settings, "journal-max-bytes"))
	}
	lines := []string{journal, "level " + value(settings, "level")}
	for _, name := range []string{"grace", "max-record", "redact-keys", "redact-except", "redact-pattern"} {
		if v := value(settings, name); changed(settings, name) || all && v != "" {
			lines = append(lines, name+" "+shown(v))
		}
	}
	if value(settings, "redact") == "false" {
		lines = append(lines, "redact false: secrets in records are not masked")
	}
	if value(settings, "parallel-writes") == "false" {
		lines = append(lines, "one sink after the other: one that hangs delays the others")
	}
	return lines
}

// sinkLines returns how the sink stands to the others.
func sinkLines(s fapilog.SinkPlan, sinks []fapilog.SinkPlan) (lines []string) {
	if s.Standby {
		var from []string
		for _, other := range sinks {
			if other.Fallback == s.Name {
				from = append(from, other.Name)
			}
		}
		lines = append(lines, "standby: receives only what is diverted to it, from "+strings.Join(from, ", "))
	}
	if value(s.Settings, "breaker") == "false" {
		return append(lines, "no circuit: every batch is tried, however often that fails")
	}
	fate := "its records wait in the journal"
	switch value(s.Settings, "on-open") {
	case "skip":
		fate = "its records are dropped"
	case "fallback":
		fate = "its records go to " + s.Fallback
	}
	return append(lines, fmt.Sprintf("circuit: opens after %s failures in a row, for %s; meanwhile %s",
		value(s.Settings, "breaker-failures"), value(s.Settings, "breaker-recovery"), fate))
}

// toldOtherwise are the settings that sinkLines tells of.
var toldOtherwise = []string{"breaker", "fallback", "on-open"}

// writeSettings writes all settings, or those that differ from their defaults and
// have not been told.
func writeSettings(b *bytes.Buffer, settings []fapilog.Setting, all bool, told func(name string) bool) {
	for _, s := range settings {
		if !all && (!s.Changed() || told(s.Name)) {
			continue
		}
		fmt.Fprintf(b, "  %s=%s", s.Name, shown(s.Value))
		if s.Changed() && s.Default != "" {
			fmt.Fprintf(b, "  (default %s)", shown(s.Default))
		}
		b.WriteByte('\n')
	}
}

func writePings(b *bytes.Buffer, pings []pinged) {
	width := 0
	for _, p := range pings {
		width = max(width, len(p.Name))
	}
	for _, p := range pings {
		text := p.Result
		switch p.Result {
		case pingNone:
			text = "opened; it cannot be pinged"
		case pingFailed:
			text = "error: " + p.Error
		}
		fmt.Fprintf(b, "  %-*s  %s\n", width, p.Name, shown(text))
	}
}

// changed reports whether a setting is not set to its default.
func changed(settings []fapilog.Setting, name string) bool {
	return slices.ContainsFunc(settings, func(s fapilog.Setting) bool { return s.Name == name && s.Changed() })
}

// value returns what a setting is set to.
func value(settings []fapilog.Setting, name string) string {
	for _, s := range settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// shown returns text as it is, or quoted if it would do something to a terminal.
func shown(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
