package docs_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// eachBlock calls f for every block of a language, and fails if there is none.
func eachBlock(t *testing.T, lang string, f func(t *testing.T, at, text string)) {
	t.Helper()
	found := false
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.lang == lang {
				found = true
				f(t, fmt.Sprintf("%s:%d", p.path, b.from), b.text)
			}
		}
	}
	if !found {
		t.Errorf("there is no block of %s", lang)
	}
}

func TestEveryJSONBlockIsJSON(t *testing.T) {
	eachBlock(t, "json", func(t *testing.T, at, text string) {
		if !json.Valid([]byte(text)) {
			t.Errorf("%s: not JSON", at)
		}
	})
}

func TestEveryYAMLBlockIsYAML(t *testing.T) {
	if exec.Command("python3", "-c", "import yaml").Run() != nil {
		t.Skip("NOT CHECKED: there is no Python with yaml to read the pages' YAML")
	}
	eachBlock(t, "yaml", func(t *testing.T, at, text string) {
		cmd := exec.Command("python3", "-c", "import sys, yaml; list(yaml.safe_load_all(sys.stdin))")
		cmd.Stdin = strings.NewReader(text)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", at, err, output)
		}
	})
}

// A command in YAML or a Dockerfile, as a list of words, has the flags that it is
// given.
func TestEveryListedCommandParses(t *testing.T) {
	list := regexp.MustCompile(`\["/?fapilog".*\]`)
	for _, p := range read(t, append(glob(t, "docs/*.md"), "README.md", "examples/container/kubernetes.yaml", "examples/container/Dockerfile")) {
		for i, line := range p.lines {
			found := list.FindString(line)
			if found == "" {
				continue
			}
			var words []string
			if err := json.Unmarshal([]byte(found), &words); err != nil {
				t.Errorf("%s:%d: %v", p.path, i+1, err)
				continue
			}
			end := slices.Index(words, "--")
			if end < 0 {
				end = len(words)
			}
			// Help wins over everything but a flag that is wrong.
			script := "fapilog '" + strings.Join(append(words[1:end:end], "--help"), "' '") + "'"
			if output, err := newSandbox(t).run(script); err != nil {
				t.Errorf("%s:%d: %s: %v\n%s", p.path, i+1, script, err, output)
			}
		}
	}
}

// A unit's command runs, with the unit's environment.
func TestEveryUnitRuns(t *testing.T) {
	eachBlock(t, "ini", func(t *testing.T, at, text string) {
		s := newSandbox(t)
		var script strings.Builder
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch {
			case name == "Environment":
				fmt.Fprintf(&script, "export '%s'\n", strings.ReplaceAll(value, "%%", "%"))
			case name == "ExecStart":
				fmt.Fprintln(&script, value)
			}
		}
		output, err := s.run(script.String())
		if err != nil || !strings.Contains(output, "listening on :8080") {
			t.Errorf("%s: %v\n%s", at, err, output)
		}
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("NOT CHECKED: there is no systemd-analyze to verify the units")
		}
		unit := filepath.Join(t.TempDir(), "app.service")
		write(t, unit, []byte(s.mapped(text)))
		if output, err := exec.Command("systemd-analyze", "verify", unit).CombinedOutput(); err != nil || strings.Contains(string(output), "app.service:") {
			t.Errorf("%s: systemd-analyze verify: %v\n%s", at, err, output)
		}
	})
}

// The command of a line of a crontab runs.
func TestEveryCrontabLineRuns(t *testing.T) {
	eachBlock(t, "crontab", func(t *testing.T, at, text string) {
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			fields := regexp.MustCompile(`^((?:[\d*/,-]+ ){5})(.*)$`).FindStringSubmatch(lines.Text())
			if fields == nil {
				t.Errorf("%s: %s", at, lines.Text())
				continue
			}
			if percent := strings.ReplaceAll(fields[2], `\%`, ""); strings.Contains(percent, "%") {
				t.Errorf("%s: a %% that cron takes for a newline: %s", at, fields[2])
			}
			if output, err := newSandbox(t).run(strings.ReplaceAll(fields[2], `\%`, "%")); err != nil {
				t.Errorf("%s: %v\n%s", at, err, output)
			}
		}
	})
}

func TestEveryLogrotateBlockIsUnderstood(t *testing.T) {
	path, err := exec.LookPath("logrotate")
	if err != nil {
		t.Skip("NOT CHECKED: there is no logrotate to read the pages' configuration")
	}
	eachBlock(t, "logrotate", func(t *testing.T, at, text string) {
		s := newSandbox(t)
		conf := filepath.Join(s.dir, "logrotate.conf")
		write(t, conf, []byte(s.mapped(text)))
		if err := os.Chmod(conf, 0o600); err != nil {
			t.Fatal(err)
		}
		output, err := exec.Command(path, "--debug", "--state", filepath.Join(s.dir, "state"), conf).CombinedOutput()
		if err != nil || strings.Contains(string(output), "error:") {
			t.Errorf("%s: %v\n%s", at, err, output)
		}
	})
}
