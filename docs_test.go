package fapilog

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

var update = flag.Bool("update", false, "rewrite what README.md has generated")

// The tables in README.md come from the flag sets that URIs are parsed with.
func TestReadmeTablesAreThoseOfTheCode(t *testing.T) {
	delivery := flag.NewFlagSet("", flag.ContinueOnError)
	new(parameters).bind(delivery)
	want := map[string]string{
		"sinks":    sinkTable(t),
		"delivery": flagTable(delivery, builtinText),
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(readme)
	for name, table := range want {
		section := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]*-->\n).*?(<!-- /` + name + ` -->)`)
		if !section.MatchString(text) {
			t.Fatalf("README.md has no section %q", name)
		}
		text = section.ReplaceAllString(text, "${1}"+strings.ReplaceAll(table, "$", "$$")+"${2}")
	}
	if text == string(readme) {
		return
	}
	if !*update {
		t.Fatal("README.md is not what the code says; run go test . -run TestReadme -update")
	}
	if err := os.WriteFile("README.md", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// builtinText is the built-in value of each parameter of Delivery.
var builtinText = map[string]string{
	"level": "info", "batch-records": "1000", "batch-bytes": "1MiB", "linger": "1s; console and file: 5ms", "timeout": "10s",
	"retry-base": "200ms", "retry-max": "30s", "retry-for": "0", "in-flight": "1", "breaker": "true", "breaker-failures": "5",
	"breaker-recovery": "30s", "breaker-probes": "1", "on-open": "hold", "on-full": "drop-oldest", "block-timeout": "100ms",
	"enabled": "true", "standby": "false", "from": "oldest",
}

// The defaults that README.md tells are the ones that count.
func TestReadmeDefaultsAreTheBuiltInOnes(t *testing.T) {
	var d Delivery
	values := make(map[string]string)
	for name, text := range builtinText {
		values[name], _, _ = strings.Cut(text, ";")
	}
	delete(values, "enabled")
	delete(values, "standby")
	delete(values, "from")
	if mistakes := d.set(values); mistakes != nil {
		t.Fatal(mistakes)
	}
	if got, want := builtin.with(d).complete(), builtin.complete(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("README.md says %+v\nthe code says    %+v", got, want)
	}
}

func sinkTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| URI | parameter | default | meaning |\n|---|---|---|---|\n")
	for _, scheme := range sink.Schemes() {
		opener, _ := sink.NewOpener(scheme)
		if !strings.Contains(reflect.TypeOf(opener).Elem().PkgPath(), "/sink/") {
			continue // registered by a test
		}
		set := flag.NewFlagSet("", flag.ContinueOnError)
		opener.Flags(set)
		row := 0
		set.VisitAll(func(f *flag.Flag) {
			if _, alias := sink.AliasOf(f); alias {
				return
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", first(row == 0, "`"+scheme+":`"), f.Name, code(f.DefValue), usage(f))
			row++
		})
		if row == 0 {
			fmt.Fprintf(&b, "| `%s:` | | | |\n", scheme)
		}
	}
	return b.String()
}

func first(is bool, s string) string {
	if is {
		return s
	}
	return ""
}

func flagTable(set *flag.FlagSet, defaults map[string]string) string {
	var b strings.Builder
	b.WriteString("| parameter | default | meaning |\n|---|---|---|\n")
	set.VisitAll(func(f *flag.Flag) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, defaults[f.Name], usage(f))
	})
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func usage(f *flag.Flag) string {
	_, text := flag.UnquoteUsage(f)
	return strings.ReplaceAll(text, "|", "\\|")
}

// Every command by which README.md shows a guarantee runs at least one test.
func TestReadmeCommandsRunTests(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("go test -run ([^ `]+) ([^ `]+)`").FindAllStringSubmatch(string(readme), -1)
	if len(commands) < 5 {
		t.Fatalf("%d commands; has the table changed its form?", len(commands))
	}
	for _, command := range commands {
		files, err := filepath.Glob(filepath.Join(command[2], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		test := regexp.MustCompile(`(?m)^func (Test\w*)`)
		wanted := regexp.MustCompile(command[1])
		if !slices.ContainsFunc(files, func(file string) bool {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(test.FindAllSubmatch(source, -1), func(name [][]byte) bool { return wanted.Match(name[1]) })
		}) {
			t.Errorf("%s: no such test", command[0])
		}
	}
}

// What may import what; see CONTRIBUTING.md.
func TestImports(t *testing.T) {
	const module = "github.com/fapilog/fapilog"
	allowed := map[string][]string{
		"internal/nearest":       {},
		"breaker":                {},
		"journal":                {"journal/internal", "internal/crash"},
		"journal/archive":        {"journal", "journal/internal", "internal/nearest"},
		"admin":                  {"breaker"}, // and the root
		"encode":                 {},
		"sink":                   {"internal/nearest"},
		"sink/sinktest":          {"sink"},
		"sink/console":           {"sink", "encode", "sink/internal"},
		"sink/file":              {"sink", "encode", "sink/internal", "internal/crash"},
		"internal/crash":         {},
		"journal/internal/disk":  {"internal/crash"},
		"journal/internal/frame": {},
		"journal/internal/life":  {"journal/internal", "internal/crash"},
		".":                      {"breaker", "journal", "encode", "sink", "sink/console", "sink/file", "internal/nearest"},
	}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.IsDir() && path != "." && (exists(filepath.Join(path, "go.mod")) || strings.HasPrefix(path, ".")) {
				return filepath.SkipDir // another module
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		may, limited := allowed[filepath.ToSlash(filepath.Dir(path))]
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			ours, own := strings.CutPrefix(name, module+"/")
			switch {
			case own && limited && !slices.ContainsFunc(may, func(p string) bool {
				return ours == p || strings.HasPrefix(ours, p+"/") && strings.HasSuffix(p, "/internal")
			}):
				t.Errorf("%s imports %s", path, name)
			case !own && name != module && strings.Contains(strings.Split(name, "/")[0], "."):
				t.Errorf("%s imports %s; the root module has the standard library only", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
