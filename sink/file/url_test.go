package file

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

func TestPathIsReadFromTheURI(t *testing.T) {
	for uri, want := range map[string]string{
		"file:///var/log/app.jsonl":          "/var/log/app.jsonl",
		"file:/var/log/app.jsonl":            "/var/log/app.jsonl",
		"file://localhost/var/log/app.jsonl": "/var/log/app.jsonl",
		"file://LocalHost/app.jsonl":         "/app.jsonl",
		"file:app.jsonl":                     "app.jsonl",
		"file:./logs/app.jsonl":              "./logs/app.jsonl",
		"file:../app.jsonl":                  "../app.jsonl",
		"file:///a%20b/%25%23%3f.jsonl":      "/a b/%#?.jsonl",
		"file:a%20b%2Fc.jsonl":               "a b/c.jsonl",
		"file:app@1.jsonl":                   "app@1.jsonl",
	} {
		o, err := sink.Parse(uri, nil)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if got := o.(*Config).Path; got != filepath.FromSlash(want) {
			t.Errorf("%s: path %q, want %q", uri, got, want)
		}
	}
}

func TestMistakesInTheURIAreTold(t *testing.T) {
	for uri, want := range map[string]string{
		"file:":                           "path missing",
		"file://":                         "path missing",
		"file":                            "path missing",
		"file://app.log":                  `host "app.log"`,
		"file://example.org/app.log":      `host "example.org"`,
		"file://localhost:80/app.log":     `host "localhost:80"`,
		"file://localhost":                "path missing",
		"file://u:hunter2@localhost/a":    "no user name",
		"file:///":                        "names a directory",
		"file:///var/log/":                "names a directory",
		"file:logs/":                      "names a directory",
		"file:///a%00b":                   "NUL",
		"file:a%00b":                      "NUL",
		"file:a%zz":                       "%zz",
		"file:///a?rotates=1d":            `unknown parameter "rotates"`,
		"file:///a?rotate=1":              "unit missing",
		"file:///a?max-size=1X":           "want a size",
		"file:///a?fsync=always":          "want never, batch or an interval",
		"file:///a?fsync=0":               "want never, batch or an interval",
		"file:///a?fsync=1us":             "1ms or more",
		"file:///a?compress=zstd":         "want none or gzip",
		"file:///a?max-size=1&maxBytes=2": "max-size",
	} {
		_, err := sink.Parse(uri, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: error %v, want one with %q", uri, err, want)
		}
	}
	for _, path := range []string{"", "a\x00b", "logs/"} {
		if _, err := New(Config{Path: path}); err == nil {
			t.Errorf("New takes path %q", path)
		}
		if err := (&Config{Path: path}).Validate(); err == nil {
			t.Errorf("Validate takes path %q", path)
		}
	}
}

func TestNewOpenerHasNothingOfTheOneBefore(t *testing.T) {
	if _, err := sink.Parse("file:a", nil); err != nil {
		t.Fatal(err)
	}
	o, _ := sink.NewOpener("file")
	if got := *o.(*Config); got != (Config{}) {
		t.Errorf("%+v", got)
	}
	if got := o.(sink.Defaulter).Defaults()["linger"]; got != "5ms" {
		t.Errorf("linger %q", got)
	}
}
