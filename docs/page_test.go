// Package docs_test checks that what README.md and docs say is so: every link
// leads somewhere, every sh block runs and prints what the text block below it
// shows, every go block compiles, every table of figures names its command.
package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository.
const root = ".."

// page is one Markdown file.
type page struct {
	path   string // relative to root, with slashes
	lines  []string
	fenced []bool // by line: it belongs to a fenced block, fences included
	blocks []block
}

// block is a fenced block.
type block struct {
	lang string // the fence's first word
	text string
	from int // the index of its first line after the fence
	to   int // the index of its closing fence
}

// pages returns README.md and docs, the pages whose blocks are run.
func pages(t *testing.T) []*page {
	t.Helper()
	return read(t, append([]string{"README.md"}, glob(t, "docs/*.md")...))
}

func glob(t *testing.T, pattern string) (paths []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		relative, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.ToSlash(relative))
	}
	return paths
}

func read(t *testing.T, paths []string) (pages []*page) {
	t.Helper()
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := parse(path, string(text))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, p)
	}
	return pages
}

var fence = regexp.MustCompile("^\\s*```\\s*(\\S*)")

// parse finds the fenced blocks of a page.
func parse(path, text string) (*page, error) {
	p := &page{path: path, lines: strings.Split(text, "\n")}
	p.fenced = make([]bool, len(p.lines))
	open := -1
	for i, line := range p.lines {
		found := fence.FindStringSubmatch(line)
		p.fenced[i] = open >= 0 || found != nil
		switch {
		case found == nil:
		case open < 0:
			open = i
		case found[1] != "":
			return nil, fmt.Errorf("%s:%d: a block begins inside the one of line %d", path, i+1, open+1)
		default:
			lang := fence.FindStringSubmatch(p.lines[open])[1]
			text := strings.Join(p.lines[open+1:i], "\n") + "\n"
			p.blocks = append(p.blocks, block{lang, text, open + 1, i})
			open = -1
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("%s:%d: the block has no end", path, open+1)
	}
	return p, nil
}

// output returns the text block that follows the i-th block with nothing but
// blank lines between.
func (p *page) output(i int) (text string, ok bool) {
	if i+1 == len(p.blocks) || p.blocks[i+1].lang != "text" {
		return "", false
	}
	between := p.lines[p.blocks[i].to+1 : p.blocks[i+1].from-1]
	return p.blocks[i+1].text, !slices.ContainsFunc(between, func(s string) bool { return strings.TrimSpace(s) != "" })
}

// The languages that a block may have: for each there is a test, or nothing to be
// tested.
var languages = []string{"sh", "go", "text", "yaml", "json", "ini", "crontab", "logrotate", "dockerfile", ""}

func TestEveryBlockIsOfAKindThatIsChecked(t *testing.T) {
	for _, p := range pages(t) {
		for i, b := range p.blocks {
			if !slices.Contains(languages, b.lang) {
				t.Errorf("%s:%d: a block of %q; want one of %q", p.path, b.from, b.lang, languages)
			}
			if b.lang != "text" {
				continue
			}
			if _, ok := p.output(i - 1); i == 0 || !ok || p.blocks[i-1].lang != "sh" {
				t.Errorf("%s:%d: a text block is what the sh block just above it prints; there is none", p.path, b.from)
			}
		}
	}
}

func TestABlockWithoutAnEndIsFound(t *testing.T) {
	for text, mistake := range map[string]string{
		"a\n```sh\nb\n```\nc\n":     "<nil>",
		"a\n```sh\nb\n":             "x.md:2: the block has no end",
		"```sh\nb\n```go\nc\n```\n": "x.md:3: a block begins inside the one of line 1",
	} {
		if _, err := parse("x.md", text); fmt.Sprint(err) != mistake {
			t.Errorf("%q: %v, want %s", text, err, mistake)
		}
	}
}
