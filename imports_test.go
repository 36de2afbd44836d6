package fapilog_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What may import what; see CONTRIBUTING.md.
func TestImports(t *testing.T) {
	const module = "github.com/fapilog/fapilog"
	allowed := map[string][]string{
		"internal/nearest":         {},
		"internal/reference":       {"sink"},
		"internal/manual":          {"internal/reference"},
		"internal/child":           {},
		"internal/follow":          {},
		"breaker":                  {},
		"journal":                  {"journal/internal", "internal/crash"},
		"journal/archive":          {"journal", "journal/internal", "internal/nearest"},
		"admin":                    {"breaker", "sink"}, // and the root
		"encode":                   {},
		"sink":                     {"internal/nearest"},
		"sink/sinktest":            {"sink", "sink/sinktest/pipe"},
		"sink/console":             {"sink", "encode", "sink/internal"},
		"sink/file":                {"sink", "encode", "sink/internal", "internal/crash"},
		"sink/http":                {"sink", "encode", "sink/endpoint", "sink/internal"},
		"sink/loki":                {"sink", "encode", "sink/endpoint", "sink/internal"},
		"sink/elasticsearch":       {"sink", "encode", "sink/endpoint", "sink/internal"},
		"sink/otlp":                {"sink", "encode", "sink/endpoint", "sink/internal"},
		"sink/syslog":              {"sink", "encode", "sink/internal"},
		"sink/endpoint":            {"sink", "sink/internal"},
		"sink/internal/httppost":   {"sink", "sink/endpoint", "sink/internal"},
		"sink/internal/httpheader": {"sink"},
		"sink/internal/lines":      {"sink", "encode"},
		"sink/internal/identity":   {},
		"sink/internal/keepalive":  {},
		"sink/sinktest/pipe":       {},
		"sink/all":                 {"sink/console", "sink/elasticsearch", "sink/file", "sink/http", "sink/loki", "sink/otlp", "sink/syslog"},
		"cmd/fapilog":              {"cli", "sink/all"},
		"internal/crash":           {},
		"journal/internal/disk":    {"internal/crash"},
		"journal/internal/frame":   {},
		"journal/internal/life":    {"journal/internal", "internal/crash"},
		".":                        {"breaker", "journal", "encode", "sink", "sink/console", "sink/file", "internal/nearest"},
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
