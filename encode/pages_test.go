package encode

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSensitiveWordsAreDocumented(t *testing.T) {
	want := slices.Sorted(slices.Values(sensitive[:]))
	if got := slices.Sorted(slices.Values(quotedIn(t, "../docs/guarantees.md", "words"))); !slices.Equal(got, want) {
		t.Errorf("guarantees.md has %q, want %q", got, want)
	}
	source, err := os.ReadFile("keys.go")
	if err != nil {
		t.Fatal(err)
	}
	_, comment, _ := strings.Cut(string(source), "The sensitive words are\n")
	comment, _, _ = strings.Cut(comment, "What stands")
	if got := slices.Sorted(slices.Values(regexp.MustCompile(`[a-z]+`).FindAllString(comment, -1))); !slices.Equal(got, want) {
		t.Errorf("the comment of Redact has %q, want %q", got, want)
	}
}

func TestNamesOfTimeLevelAndMessageAreDocumented(t *testing.T) {
	source, err := os.ReadFile("fields_meta.go")
	if err != nil {
		t.Fatal(err)
	}
	for role, name := range map[Role]string{TimeRole: "time", LevelRole: "level", MessageRole: "message"} {
		line := regexp.MustCompile(`//\t` + name + ` +(.*)\n`).FindSubmatch(source)
		if line == nil {
			t.Fatalf("the comment of Meta has no names for %s", name)
		}
		names := strings.Fields(string(line[1]))
		if got := quotedIn(t, "../docs/command.md", name); !slices.Equal(got, names) {
			t.Errorf("command.md has %q for %s, the comment of Meta %q", got, name, names)
		}
		for i, n := range names {
			if r, rank := roleOf(n); Role(r) != role || rank != i+1 {
				t.Errorf("%s: role %d and rank %d, want %d and %d", n, r, rank, role, i+1)
			}
		}
		cases := regexp.MustCompile(`case "[^"]+":\n\t\treturn `+name+`Role`).FindAll(source, -1)
		if len(cases) != len(names) {
			t.Errorf("%d names for %s are read, and %d documented", len(cases), name, len(names))
		}
	}
}

// quotedIn returns what stands in backquotes between the marks <!-- name --> and
// <!-- /name --> of a page.
func quotedIn(t *testing.T, page, name string) (quoted []string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "<!-- "+name+" -->")
	part, _, ok := strings.Cut(part, "<!-- /"+name+" -->")
	if !ok {
		t.Fatalf("no <!-- %s --> … <!-- /%[1]s --> in %s", name, page)
	}
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(part, -1) {
		quoted = append(quoted, m[1])
	}
	return quoted
}
