package cloudwatch

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/fapilog/fapilog/internal/manual"
)

var update = flag.Bool("update", false, "write the sink's page in docs anew")

// The page is in docs, where this module's sink is not known.
func TestPageIsWhatTheCodeSays(t *testing.T) {
	const root, command = "../..", "go test -C sink/cloudwatch . -run TestPage -update"
	page := manual.Page{Dir: "cloudwatch", Title: "Amazon CloudWatch Logs", Answers: manual.Answers(Table())}
	text, err := page.Text(root, command)
	if err != nil {
		t.Fatal(err)
	}
	if err := manual.Compare(filepath.Join(root, "docs", page.Name()), text, *update); err != nil {
		t.Errorf("%v; run %s", err, command)
	}
}
