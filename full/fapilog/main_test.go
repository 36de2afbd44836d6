package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/cli"
)

// run runs the command and returns its exit status and what it has printed.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	create := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	in, out, diagnostics := create("in"), create("out"), create("err")
	status = cli.Main(args, in, out, diagnostics)
	text := func(f *os.File) string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return status, text(out), text(diagnostics)
}

func TestNoSinkIsMissing(t *testing.T) {
	status, stdout, stderr := run(t, "sinks")
	if status != 0 || strings.Contains(stdout, "Not in this program") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	for _, scheme := range []string{"cloudwatch", "elasticsearch", "file", "https", "loki", "opensearch+https", "otlp", "stdout", "syslog"} {
		if !strings.Contains(stdout, "\n  "+scheme+" ") {
			t.Errorf("%s is not listed", scheme)
		}
	}
}

func TestTheOptionsOfASinkOfAnotherModuleAreListed(t *testing.T) {
	status, stdout, stderr := run(t, "sinks", "cloudwatch")
	if status != 0 || !strings.Contains(stdout, "\n  region ") || !strings.Contains(stdout, "\n  batch-bytes       990KiB ") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
}

func TestASinkOfAnotherModuleIsConfiguredLikeAnyOther(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	status, stdout, stderr := run(t, "check", "--sink", "cloudwatch://app/web?region=eu-central-1&level=warn&batch-records=500")
	if status != 0 || !strings.Contains(stdout, "cloudwatch") {
		t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
	}
	status, _, stderr = run(t, "check", "--sink", "cloudwatch://app?regoin=eu-central-1")
	if status != 2 || !strings.Contains(stderr, `did you mean "region"?`) || !strings.Contains(stderr, "write cloudwatch://GROUP/STREAM") {
		t.Errorf("exit status %d\n%s", status, stderr)
	}
}
