package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every sh block runs with bash -e, from the top of its page to the end in one
// directory, and prints what the text block below it shows. There … stands for
// anything, and on a line of its own for any lines. Blocks of commands that take minutes are
// checked in another way: see long.
func TestEveryShellBlockRuns(t *testing.T) {
	for _, p := range pages(t) {
		t.Run(p.path, func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			for i, b := range p.blocks {
				if b.lang != "sh" {
					continue
				}
				at := fmt.Sprintf("%s:%d", p.path, b.from)
				if check, ok := long(b.text); ok {
					check(t, at, b.text)
					continue
				}
				if missing := missingTool(b.text); missing != "" {
					t.Run(at, func(t *testing.T) { t.Skipf("NOT CHECKED: there is no %s", missing) })
					continue
				}
				want, shown := p.output(i)
				output, err := s.run(b.text)
				if err != nil {
					t.Fatalf("%s: %v\n%s", at, err, output)
				}
				if shown && !like(want).MatchString(output) {
					t.Errorf("%s: it prints\n%s\nand the page shows\n%s", at, output, want)
				}
			}
		})
	}
}

// missingTool returns a program that a block uses and that is not on every system,
// if it is not here.
func missingTool(script string) string {
	for _, tool := range []string{"curl", "promtool"} {
		if !regexp.MustCompile(`\b` + tool + ` `).MatchString(script) {
			continue
		}
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// like returns what matches output that is as text shows it.
func like(text string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`^`)
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		quoted := regexp.QuoteMeta(strings.TrimRight(line, " \n"))
		b.WriteString(strings.ReplaceAll(quoted, "…", `.*`) + ` *\n`)
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

func TestAnEllipsisStandsForAnything(t *testing.T) {
	for _, test := range []struct {
		text, output string
		match        bool
	}{
		{"a\nb\n", "a\nb\n", true},
		{"a\nb\n", "a\nc\n", false},
		{"a\n", "a\nb\n", false},
		{"a … c\n", "a b c\n", true},
		{"a … c\n", "a b\nc\n", false},
		{"a\n…\nd\n", "a\nb\nc\nd\n", true},
		{"a\n…\nd\n", "a\nb\nc\n", false},
		{"a.c\n", "abc\n", false},
	} {
		if got := like(test.text).MatchString(test.output); got != test.match {
			t.Errorf("%q shows %q: %t, want %t", test.text, test.output, got, test.match)
		}
	}
}

// longCommand is a command that takes minutes, and how it is checked instead: words
// are the directory and the command's own.
type longCommand struct {
	line  *regexp.Regexp
	check func(t *testing.T, at string, words []string)
}

var longCommands = []longCommand{
	{regexp.MustCompile(`^cd \w+$`), nil},
	{regexp.MustCompile(`^go test( |$)`), checkGoTest},
	{regexp.MustCompile(`^(FAPILOG_\w+=\S+ )*\./prove( |$)`), checkProve},
	{regexp.MustCompile(`^go run \.(/proof/\w+)?( |$)`), checkGoRun},
	{regexp.MustCompile(`^\.ci/run$`), checkScript},
}

// long returns the check of a block all of whose commands are long ones.
func long(script string) (check func(t *testing.T, at, script string), ok bool) {
	commands := commandsOf(script)
	for _, command := range commands {
		if !slices.ContainsFunc(longCommands, func(l longCommand) bool { return l.line.MatchString(command) }) {
			return nil, false
		}
	}
	return checkLong, len(commands) > 0
}

// commandsOf returns the lines without comments and blank ones.
func commandsOf(script string) (commands []string) {
	comment := regexp.MustCompile(`(^|\s)#.*$`)
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(comment.ReplaceAllString(strings.TrimSpace(line), "")); line != "" {
			commands = append(commands, line)
		}
	}
	return commands
}

func checkLong(t *testing.T, at, script string) {
	t.Helper()
	dir := root
	for _, command := range commandsOf(script) {
		if to, ok := strings.CutPrefix(command, "cd "); ok {
			dir = filepath.Join(root, to)
			continue
		}
		for _, l := range longCommands {
			if l.check != nil && l.line.MatchString(command) {
				l.check(t, at, append([]string{dir}, strings.Fields(command)...))
				break
			}
		}
	}
}

// checkGoTest looks whether what -run selects is there.
func checkGoTest(t *testing.T, at string, words []string) {
	t.Helper()
	dir, packages, run := words[0], []string(nil), ""
	for i, word := range words[3:] {
		switch {
		case word == "-run":
			run = strings.Trim(words[3:][i+1], `'"`)
		case strings.HasPrefix(word, ".") && !strings.HasSuffix(word, "..."):
			packages = append(packages, word)
		}
	}
	for _, p := range packages {
		if run == "" {
			run = "."
		}
		if !hasTest(t, filepath.Join(dir, p), run) {
			t.Errorf("%s: %s: no such test in %s", at, run, p)
		}
	}
}

// hasTest reports whether a package has a test that pattern matches.
func hasTest(t *testing.T, dir, pattern string) bool {
	t.Helper()
	wanted, err := regexp.Compile(strings.Split(pattern, "/")[0])
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile(`(?m)^func (Test\w*)`)
	return slices.ContainsFunc(sources, func(path string) bool {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(function.FindAllSubmatch(source, -1), func(name [][]byte) bool { return wanted.Match(name[1]) })
	})
}

// checkProve looks whether the proof that is named is there.
func checkProve(t *testing.T, at string, words []string) {
	t.Helper()
	checkScript(t, at, []string{words[0], "./prove"})
	if i := slices.Index(words, "-run"); i >= 0 && !hasTest(t, filepath.Join(root, "proof"), strings.Trim(words[i+1], `'"`)) {
		t.Errorf("%s: no such test in proof: %s", at, words[i+1])
	}
}

func checkScript(t *testing.T, at string, words []string) {
	t.Helper()
	if info, err := os.Stat(filepath.Join(root, words[1])); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("%s: %s is not there to be run: %v", at, words[1], err)
	}
}

// checkGoRun looks whether the program has the flags that it is given.
func checkGoRun(t *testing.T, at string, words []string) {
	t.Helper()
	if !cached(words[0]) {
		t.Run(at, func(t *testing.T) {
			t.Skipf("NOT CHECKED: the libraries that %s requires are not in the module cache; run 'go mod download' there", words[0])
		})
		return
	}
	cmd := exec.Command("go", "run", words[3], "-h")
	cmd.Dir = words[0]
	help, err := cmd.CombinedOutput() // the status of -h is the program's affair
	for _, word := range words[4:] {
		if name, ok := strings.CutPrefix(word, "-"); ok && !strings.Contains(string(help), "\n  -"+name) {
			t.Errorf("%s: %s has no flag %s: %v\n%s", at, words[3], word, err, help)
		}
	}
}

// cached reports whether all that a module requires is in the module cache.
func cached(dir string) bool {
	cmd := exec.Command("go", "list", "-deps", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	return cmd.Run() == nil
}
