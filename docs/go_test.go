package docs_test

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every go block compiles and passes go vet: a program as it is, declarations with
// the imports they lack, and statements in a function.
func TestEveryGoBlockCompiles(t *testing.T) {
	dir, others := newModule(t)
	blocks := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.lang != "go" {
				continue
			}
			at := fmt.Sprintf("%s:%d", p.path, b.from)
			source, err := completed(b.text)
			if err != nil {
				t.Errorf("%s: %v", at, err)
				continue
			}
			if !others && foreign.Match(source) {
				t.Run(at, func(t *testing.T) {
					t.Skip("NOT CHECKED: the library that it uses is not in the module cache; run 'go mod download' in bench")
				})
				continue
			}
			name := strings.NewReplacer("/", "_", ".", "_", ":", "_").Replace(at)
			write(t, filepath.Join(dir, name, fileName(b.text)), source)
			blocks++
		}
	}
	cmd := exec.Command("go", "vet", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("of %d blocks: %v\n%s", blocks, err, out)
	}
}

// The test above can fail.
func TestABlockThatDoesNotCompileIsFound(t *testing.T) {
	for block, want := range map[string]string{
		"package main\n": "package main\n",
		"p, err := fapilog.Open(ctx, \"stdout\")\n": "func _(ctx context.Context, err error, p *fapilog.Pipeline) {",
		"func f(r sink.Record) {}\n":                "import sink \"github.com/fapilog/fapilog/sink\"",
		"import \"os\"\n\nvar f = os.Stdin\n":       "package block\n\nimport \"os\"",
		"p, err := fapilog.Open(\n":                 "",
	} {
		source, err := completed(block)
		if !strings.Contains(string(source), want) || (err == nil) != (want != "") {
			t.Errorf("%s: %v\n%s", block, err, source)
		}
	}
}

func fileName(source string) string {
	if strings.Contains(source, "testing.T") {
		return "block_test.go"
	}
	return "block.go"
}

// foreign finds an import of a library that bench requires.
var foreign = regexp.MustCompile(`"(go\.(uber\.org|opentelemetry\.io)|github\.com/(go-logr|samber|rs|phuslu))/`)

// newModule returns the directory of a module that requires fapilog as it is here
// and, if they are in the module cache, the libraries that bench requires.
func newModule(t *testing.T) (dir string, others bool) {
	t.Helper()
	bench, err := os.ReadFile(filepath.Join(root, "bench", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "bench", "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	replace := "=> " + filepath.ToSlash(here)
	write(t, filepath.Join(dir, "go.mod"), regexp.MustCompile(`=> \.\./?`).ReplaceAllLiteral(bench, []byte(replace)))
	write(t, filepath.Join(dir, "go.sum"), sum)
	if cached(filepath.Join(root, "bench")) {
		return dir, true
	}
	alone := "module block\n\ngo 1.26.0\n\nrequire github.com/fapilog/fapilog v0.0.0\n\nreplace github.com/fapilog/fapilog " + replace + "\n"
	write(t, filepath.Join(dir, "go.mod"), []byte(alone))
	return dir, false
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// imports are the packages that a block may name without importing them.
var imports = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "log": "log", "slog": "log/slog", "http": "net/http", "os": "os",
	"signal": "os/signal", "strings": "strings", "sync": "sync", "syscall": "syscall", "testing": "testing", "time": "time",
	"slogmulti": "github.com/samber/slog-multi", "zap": "go.uber.org/zap", "zapcore": "go.uber.org/zap/zapcore", "zerolog": "github.com/rs/zerolog",
	"logr": "github.com/go-logr/logr", "trace": "go.opentelemetry.io/otel/trace",
	"fapilog": "github.com/fapilog/fapilog", "admin": "github.com/fapilog/fapilog/admin", "breaker": "github.com/fapilog/fapilog/breaker",
	"encode": "github.com/fapilog/fapilog/encode", "fapilogtest": "github.com/fapilog/fapilog/fapilogtest", "journal": "github.com/fapilog/fapilog/journal",
	"sink": "github.com/fapilog/fapilog/sink", "console": "github.com/fapilog/fapilog/sink/console", "file": "github.com/fapilog/fapilog/sink/file",
	"sinktest": "github.com/fapilog/fapilog/sink/sinktest", "loki": "github.com/fapilog/fapilog/sink/loki", "url": "net/url",
}

// given are the variables that statements may use without declaring them.
var given = map[string]string{
	"ctx": "context.Context", "err": "error", "p": "*fapilog.Pipeline", "logger": "*slog.Logger", "mux": "*http.ServeMux",
	"r": "*http.Request", "w": "http.ResponseWriter", "server": "*http.Server",
}

// completed returns a block as a file that compiles if the block is right.
func completed(block string) ([]byte, error) {
	if regexp.MustCompile(`(?m)^package `).MatchString(block) {
		return []byte(block), nil
	}
	file, declarations := parseGo("package block\n" + block)
	if declarations != nil {
		var err error
		if file, err = parseGo("package block\nfunc _() {\n" + block + "\n}"); err != nil {
			return nil, fmt.Errorf("neither declarations (%v) nor statements (%w)", declarations, err)
		}
		block = asFunction(block, file)
		if file, err = parseGo("package block\n" + block); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	b.WriteString("package block\n")
	for _, name := range missing(file) {
		fmt.Fprintf(&b, "import %s %q\n", name, imports[name])
	}
	return format.Source([]byte(b.String() + block))
}

func parseGo(source string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
}

// asFunction makes statements a function with the variables that they use as its
// parameters. What they declare counts as used.
func asFunction(block string, file *ast.File) string {
	var parameters, uses []string
	used := names(file)
	for name, typ := range given {
		if slices.Contains(used, name) {
			parameters = append(parameters, name+" "+typ)
		}
	}
	slices.Sort(parameters)
	body := file.Decls[0].(*ast.FuncDecl).Body.List
	for _, statement := range body {
		if assign, ok := statement.(*ast.AssignStmt); ok && assign.Tok == token.DEFINE {
			for _, left := range assign.Lhs {
				if id := left.(*ast.Ident); id.Name != "_" {
					uses = append(uses, "_ = "+id.Name)
				}
			}
		}
	}
	return "func _(" + strings.Join(parameters, ", ") + ") {\n{\n" + block + "\n" + strings.Join(uses, "\n") + "\n}\n}\n"
}

// names returns the identifiers in a file.
func names(file *ast.File) (names []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			names = append(names, id.Name)
		}
		return true
	})
	return names
}

// missing returns the packages that a file names and does not import, in order.
func missing(file *ast.File) (missing []string) {
	var imported []string
	for _, spec := range file.Imports {
		imported = append(imported, strings.Trim(spec.Path.Value, `"`))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := selector.X.(*ast.Ident); ok && imports[id.Name] != "" && !slices.Contains(imported, imports[id.Name]) {
			missing = append(missing, id.Name)
		}
		return true
	})
	slices.Sort(missing)
	return slices.Compact(missing)
}
