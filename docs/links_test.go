package docs_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inlineCode = regexp.MustCompile("`[^`]*`")
	heading    = regexp.MustCompile(`^#{1,6} +(.*)$`)
)

// Every link in a Markdown file leads to a file that is there, and to a heading in
// it. Other hosts are not asked.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	paths := append(glob(t, "*.md"), glob(t, "docs/*.md")...)
	paths = append(paths, glob(t, "examples/*/*.md")...)
	all := read(t, paths)
	links := 0
	for _, p := range all {
		for i, line := range p.lines {
			if p.fenced[i] {
				continue
			}
			for _, found := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, "``"), -1) {
				links++
				if mistake := follow(all, p, found[1]); mistake != "" {
					t.Errorf("%s:%d: %s: %s", p.path, i+1, found[1], mistake)
				}
			}
		}
	}
	if links < 20 {
		t.Errorf("%d links; have they changed their form?", links)
	}
}

// follow says what is wrong with a link.
func follow(all []*page, from *page, target string) (mistake string) {
	if strings.Contains(target, "://") {
		return ""
	}
	file, anchor, anchored := strings.Cut(target, "#")
	to := from.path
	if file != "" {
		to = path.Join(path.Dir(from.path), file)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
		return "no such file"
	}
	if !anchored {
		return ""
	}
	i := slices.IndexFunc(all, func(p *page) bool { return p.path == to })
	if i < 0 || !slices.Contains(all[i].anchors(), anchor) {
		return "no such heading"
	}
	return ""
}

// anchors returns the fragments by which GitHub names the headings.
func (p *page) anchors() (anchors []string) {
	seen := make(map[string]int)
	for i, line := range p.lines {
		found := heading.FindStringSubmatch(line)
		if p.fenced[i] || found == nil {
			continue
		}
		anchor := fragment(found[1])
		if n := seen[anchor]; n > 0 {
			anchors = append(anchors, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			anchors = append(anchors, anchor)
		}
		seen[anchor]++
	}
	return anchors
}

// fragment is a heading in lower case, with hyphens for spaces and without
// punctuation.
func fragment(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
			return r
		}
		return -1
	}, strings.ToLower(strings.TrimSpace(heading)))
}

// The test above can fail.
func TestADeadLinkIsFound(t *testing.T) {
	readme := read(t, []string{"README.md"})[0]
	for target, mistake := range map[string]string{
		"README.md":                "",
		"README.md#sinks":          "",
		"#what-is-guaranteed":      "",
		"https://example.com/gone": "",
		"docs/nothing.md":          "no such file",
		"README.md#nothing":        "no such heading",
	} {
		if got := follow([]*page{readme}, readme, target); got != mistake {
			t.Errorf("%s: %q, want %q", target, got, mistake)
		}
	}
}
