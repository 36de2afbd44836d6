package manual

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// packageComment returns the comment of the sink's package in dir as Markdown.
func packageComment(dir string) (string, error) {
	files, fset, err := parse(dir)
	if err != nil {
		return "", err
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/fapilog/fapilog/sink/"+filepath.Base(dir))
	if err != nil {
		return "", err
	}
	if pkg.Doc == "" {
		return "", fmt.Errorf("%s has no package with a comment", dir)
	}
	printer := pkg.Printer()
	printer.HeadingLevel = 2
	printer.HeadingID = func(*comment.Heading) string { return "" }
	printer.DocLinkURL = func(l *comment.DocLink) string {
		if l.ImportPath == "" { // of the package itself
			l.ImportPath = pkg.ImportPath
		}
		return l.DefaultURL("https://pkg.go.dev/")
	}
	return string(printer.Markdown(pkg.Parser().Parse(pkg.Doc))), nil
}

// parse returns the files of the package in dir, without its tests.
func parse(dir string) (files []*ast.File, fset *token.FileSet, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	fset = token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, f)
	}
	return files, fset, nil
}
