package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// write writes everything that was found as Markdown.
func (f *figures) write(w io.Writer) { fmt.Fprintf(w, "%s\n%s", f.table(), f.plotList()) }

// setting says in two lines where and how the figures were found.
func (f *figures) setting() string {
	m := f.Machine
	return fmt.Sprintf("%s, %d processors, %s, %s.\nRatios are medians of %d rounds, in brackets the least and the greatest round; fapilog's redaction on, its journal %d MiB (8 for row 6; 64, the default, for memory, idle and the backlog).\n",
		m.CPU, m.Cores, m.Kernel, m.Go, f.Rounds, f.Journal>>20)
}

// table returns all rows: those that answer a question, those beside, the notes,
// and the command.
func (f *figures) table() string {
	var b strings.Builder
	b.WriteString(f.setting())
	b.WriteString("\n| # | question | against | figure | fapilog | other | fapilog ÷ other | reach | goal | reached |\n")
	b.WriteString("|---|---|---|---|---:|---:|---:|---:|---:|---|\n")
	for _, r := range f.numbered() {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", r.Number, r.sides(), r.limit(r.Reach), r.limit(r.Goal), r.verdict())
	}
	b.WriteString("\nBeside these:\n\n| question | against | figure | fapilog | other | fapilog ÷ other | reach | reached |\n|---|---|---|---:|---:|---:|---:|---|\n")
	for _, r := range f.Rows {
		if r.Number == 0 {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.sides(), r.limit(r.Reach), r.short())
		}
	}
	f.writeNotes(&b)
	fmt.Fprintf(&b, "\n```sh\ncd bench\n%s # then: go run . -render\n```\n", f.Command)
	return b.String()
}

// numbered returns the rows that answer a question, in their order.
func (f *figures) numbered() []row {
	rows := slices.DeleteFunc(slices.Clone(f.Rows), func(r row) bool { return r.Number == 0 })
	slices.SortStableFunc(rows, func(a, b row) int { return a.Number - b.Number })
	return rows
}

// sides are the cells that all tables have.
func (r row) sides() string {
	ours, theirs, ratio := amount(r.Ours), amount(r.Theirs), r.Ratio.String()
	if r.isAlone() {
		ours, theirs, ratio = r.Ratio.String(), "", ""
	}
	if r.Void != "" {
		ratio = "does not count"
	}
	return fmt.Sprintf("%s | %s | %s | %s | %s | %s", cell(r.Question), cell(r.Against), cell(r.Figure), ours, theirs, ratio)
}

// isAlone reports whether r's question is no ratio.
func (r row) isAlone() bool { return r.Theirs == 0 && r.Ratio.Median == r.Ours }

// cell is text in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func (r row) limit(v float64) string {
	switch {
	case v == 0:
		return ""
	case r.AtLeast:
		return "≥ " + limit(v)
	}
	return "≤ " + limit(v)
}

// verdict says which of the limits r keeps to.
func (r row) verdict() string {
	switch {
	case r.Void != "":
		return "does not count"
	case r.Reach == 0:
		return ""
	case r.Goal != 0 && r.reached(r.Goal):
		return "goal"
	case r.reached(r.Reach):
		return "reach"
	}
	return "**no**"
}

// writeNotes writes each note once, with the rows that it is about.
func (f *figures) writeNotes(b *strings.Builder) {
	about := map[string][]string{}
	var notes []string // in the order of the rows
	for _, r := range f.Rows {
		if r.Void != "" {
			r.Note = "does not count: " + r.Void
		}
		if r.Note == "" {
			continue
		}
		if about[r.Note] == nil {
			notes = append(notes, r.Note)
		}
		about[r.Note] = append(about[r.Note], r.name())
	}
	if len(notes) > 0 {
		b.WriteByte('\n')
	}
	for _, note := range notes {
		fmt.Fprintf(b, "- %s: %s.\n", strings.Join(unique(about[note]), "; "), strings.TrimSuffix(note, "."))
	}
}

// name is how a note refers to r.
func (r row) name() string {
	name := r.Question
	if r.Number > 0 {
		name = strconv.Itoa(r.Number)
	}
	if r.Against != "" {
		name += ", against " + r.Against
	}
	return name
}

func unique(names []string) (once []string) {
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			once = append(once, n)
		}
		seen[n] = true
	}
	return once
}

// summary is the table of README.md: the questions alone.
func (f *figures) summary() string {
	var b strings.Builder
	b.WriteString(f.setting())
	b.WriteString("\n| | figure | fapilog ÷ other | wanted | |\n|---|---|---:|---:|---|\n")
	for _, r := range f.numbered() {
		ratio := fraction(r.Ratio.Median)
		if r.Void != "" {
			ratio = ""
		}
		question := r.Question
		if !r.isAlone() {
			question += "; against " + r.Against
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(question), cell(r.Figure), ratio, r.limit(r.Reach), r.short())
	}
	fmt.Fprintf(&b, "\n```sh\ncd bench\n%s # all of it takes less than a quarter of an hour\n```\n", f.Command)
	return b.String()
}

// short is the verdict without the goal.
func (r row) short() string {
	switch v := r.verdict(); v {
	case "reach", "goal":
		return "reached"
	case "**no**":
		return "**not reached**"
	default:
		return v
	}
}

// plotList shows the plots.
func (f *figures) plotList() string {
	var b strings.Builder
	for _, p := range f.Plots {
		fmt.Fprintf(&b, "![%s](performance/%s.svg)\n\n", p.Title, p.Name)
	}
	return b.String()
}
