package reference

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Width is how many columns a text has at most, in characters, where its words
// allow it.
const Width = 96

// widest is the longest name or default that has its meaning beside it; behind a
// longer one the meaning begins on the next line.
const widest = 30

// Text returns settings as a table for a terminal, each line indented by so many
// columns: name, default, meaning. Other names stand below.
func Text(settings []Setting, indent int) string {
	names, values := 0, 0
	for _, s := range settings {
		names = max(names, fitting(s.Name))
		values = max(values, fitting(s.Default))
	}
	margin := indent + names + 2 + values + 2
	var b strings.Builder
	for _, s := range settings {
		head := fmt.Sprintf("%*s%-*s  %-*s", indent, "", names, s.Name, values, s.Default)
		if utf8.RuneCountInString(head) > margin-2 {
			b.WriteString(strings.TrimRight(head, " "))
			b.WriteByte('\n')
			head = ""
		}
		for _, line := range wrap(s.explained(), Width-margin) {
			b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s%s", margin, head, line), " "))
			b.WriteByte('\n')
			head = ""
		}
		for _, alias := range s.Aliases {
			fmt.Fprintf(&b, "%*salso %s\n", indent+2, "", alias)
		}
	}
	return b.String()
}

// fitting returns the length of text, or 0 where it is too long for a column.
func fitting(text string) int {
	if n := utf8.RuneCountInString(text); n <= widest {
		return n
	}
	return 0
}

// explained returns the meaning, and the defaults of some sinks.
func (s Setting) explained() string {
	text := s.Meaning
	for _, p := range s.Preferred {
		text += fmt.Sprintf("; %s: %s", strings.Join(p.Schemes, ", "), p.Default)
	}
	return text
}

// wrap returns text in lines of at most width characters, but for longer words.
// There is at least one line.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
