package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuiltCommandCarriesStandardInput(t *testing.T) {
	dir := t.TempDir()
	program, out := filepath.Join(dir, "fapilog.exe"), filepath.Join(dir, "out.log")
	if b, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	cmd := exec.Command(program, "pipe")
	cmd.Env = append(os.Environ(), "FAPILOG_SINKS=stdout://?format=json,file:"+filepath.ToSlash(out))
	cmd.Stdin = strings.NewReader(`{"level":"info","msg":"a line"}` + "\n")
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"level":"info","msg":"a line"}` + "\n"
	if string(stdout) != want || string(file) != want {
		t.Errorf("the console has %q, the file %q; want %q", stdout, file, want)
	}
}

// The command has every sink of this module, and tells of those that it has not.
func TestBuiltCommandNamesTheSinksItDoesNotHave(t *testing.T) {
	out, err := exec.Command("go", "run", ".", "sinks").Output()
	if err != nil {
		t.Fatal(err)
	}
	own, others, found := strings.Cut(string(out), "\nNot in this program, but in the command built from github.com/fapilog/fapilog/full/fapilog:\n")
	if !found || strings.Join(strings.Fields(others), " ") != "cloudwatch sends records to Amazon CloudWatch Logs module sink/cloudwatch" {
		t.Errorf("the end is %q", others)
	}
	for _, scheme := range []string{"elasticsearch", "file", "http", "loki", "otlp", "stdout", "syslog"} {
		if !strings.Contains(own, "\n  "+scheme+" ") {
			t.Errorf("%s is not listed", scheme)
		}
	}
}
