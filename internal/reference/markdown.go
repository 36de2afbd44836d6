package reference

import (
	"fmt"
	"strings"
)

// Markdown returns a table of settings. what is the heading of their names:
// parameter, say.
func Markdown(what string, settings []Setting) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | default | meaning |\n|---|---|---|\n", what)
	for _, s := range settings {
		fmt.Fprintf(&b, "| %s |\n", s.cells())
	}
	return b.String()
}

// SinksMarkdown returns a table of the sinks' own settings.
func SinksMarkdown(sinks []Sink) string {
	var b strings.Builder
	b.WriteString("| URI | parameter | default | meaning |\n|---|---|---|---|\n")
	for _, k := range sinks {
		uri := code(k.Scheme + ":")
		if len(k.Settings) == 0 {
			fmt.Fprintf(&b, "| %s | | | %s |\n", uri, escape(k.Summary))
		}
		for _, s := range k.Settings {
			fmt.Fprintf(&b, "| %s | %s |\n", uri, s.cells())
			uri = ""
		}
	}
	return b.String()
}

// cells returns name, default and meaning.
func (s Setting) cells() string {
	value := code(s.Default)
	for _, p := range s.Preferred {
		value += fmt.Sprintf("; %s: %s", strings.Join(p.Schemes, ", "), code(p.Default))
	}
	meaning := escape(s.Meaning)
	if len(s.Aliases) > 0 {
		meaning += fmt.Sprintf(" (also %s)", code(strings.Join(s.Aliases, "`, `")))
	}
	return fmt.Sprintf("%s | %s | %s", code(s.Name), strings.TrimPrefix(value, "; "), meaning)
}

// code returns text that is not empty as code.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`" // GitHub: a cell ends at | in code too
}

// escape returns text as it may stand in a cell.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", "&lt;", "\n", " ").Replace(text)
}
