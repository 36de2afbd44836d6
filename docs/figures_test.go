package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every table of figures, which has a column that is aligned to the right, is
// followed by the command that measures it, before the next heading.
func TestEveryTableOfFiguresNamesItsCommand(t *testing.T) {
	tables := 0
	for _, p := range pages(t) {
		for i, line := range p.lines {
			if p.fenced[i] || !strings.HasPrefix(line, "|-") || !strings.Contains(line, "-:") {
				continue
			}
			tables++
			if !p.measured(i) {
				t.Errorf("%s:%d: no command below this table measures it", p.path, i+1)
			}
		}
	}
	if tables == 0 {
		t.Error("there is no table of figures; have they changed their form?")
	}
}

// measured reports whether a block between line i and the next heading has
// commands that measure: the test of sh blocks looks at them.
func (p *page) measured(i int) bool {
	for _, b := range p.blocks {
		if b.from < i {
			continue
		}
		for _, line := range p.lines[i:b.from] {
			if heading.MatchString(line) {
				return false
			}
		}
		if _, ok := long(b.text); ok && b.lang == "sh" {
			return true
		}
	}
	return false
}

// command finds what a page says in the text shows something. What a marker says
// generates a part may be said to be in the directory of another module.
var command = regexp.MustCompile("`((?:FAPILOG_\\w+=\\S+ )*(?:go test|go run|\\./prove)[^`]*)`(?: in (\\w+) -->)?")

// Every command in the text that shows something is there: the tests that it
// selects, the flags that it has.
func TestEveryCommandInTheTextIsThere(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for i, line := range p.lines {
			if p.fenced[i] {
				continue
			}
			for _, c := range command.FindAllStringSubmatch(line, -1) {
				found++
				words := strings.Fields(variables.ReplaceAllString(c[1], ""))
				at := p.path + ": " + c[1]
				switch words[0] {
				case "./prove":
					checkProve(t, at, append([]string{root}, words...))
				default:
					dir := filepath.Join(root, c[2])
					if len(words) > 3 && words[2] == "-C" { // another module
						dir, words = filepath.Join(root, words[3]), slices.Delete(words, 2, 4)
					}
					if check := map[string]func(*testing.T, string, []string){"test": checkGoTest, "run": checkGoRun}[words[1]]; check != nil {
						check(t, at, append([]string{dir}, words...))
					}
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("%d commands; have they changed their form?", found)
	}
}

var variables = regexp.MustCompile(`^(?:FAPILOG_\w+=\S+ )+`)

// The check above can fail.
func TestATestThatIsNotThereIsFound(t *testing.T) {
	if !hasTest(t, filepath.Join(root, "breaker"), "Test") || hasTest(t, filepath.Join(root, "breaker"), "TestNothing") {
		t.Error("hasTest does not tell what is there from what is not")
	}
}
