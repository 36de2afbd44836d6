package main

import (
	"bufio"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// instructions returns what stands behind a word of the Dockerfile.
func instructions(t *testing.T, word string) (found []string) {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, word+" "); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	if found == nil {
		t.Fatalf("the Dockerfile has no %s", word)
	}
	return found
}

// build runs the commands of the Dockerfile's first stage, with out in place of
// /out.
func build(t *testing.T, out string) {
	t.Helper()
	for _, command := range instructions(t, "RUN") {
		words := strings.Fields(strings.ReplaceAll(command, "/out/", filepath.ToSlash(out)+"/"))
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir = filepath.Join("..", "..")
		cmd.Env = append(os.Environ(), instructions(t, "ENV")[0]) // the first stage's
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, text)
		}
	}
}

// entrypoint is the Dockerfile's.
func entrypoint(t *testing.T) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(instructions(t, "ENTRYPOINT")[0]), &words); err != nil {
		t.Fatal(err)
	}
	return words
}

// image makes the root file system of the Dockerfile's second stage.
func image(t *testing.T) (root string) {
	t.Helper()
	out, root := t.TempDir(), t.TempDir()
	build(t, out)
	for _, command := range instructions(t, "COPY") {
		words := strings.Fields(command)
		if words[0] != "--from=build" {
			continue
		}
		words = words[1:]
		if strings.HasPrefix(words[0], "--chown=") {
			words = words[1:]
		}
		to := filepath.Join(root, words[len(words)-1])
		for _, from := range words[:len(words)-1] {
			name, ours := strings.CutPrefix(from, "/out/")
			if !ours {
				continue // of the image that the first stage is built on
			}
			target := to
			if strings.HasSuffix(words[len(words)-1], "/") {
				target = filepath.Join(to, name)
			}
			if err := os.Rename(filepath.Join(out, name), target); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

// The Dockerfile's commands make programs that need no library.
func TestTheProgramsAreStatic(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT CHECKED: an image is of Linux")
	}
	root := image(t)
	for _, name := range []string{"fapilog", "app"} {
		file, err := elf.Open(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("%s needs a dynamic linker", name)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What the platform waits is longer than what the end takes.
func TestTheTimesOfTheEndFitTogether(t *testing.T) {
	manifest, err := os.ReadFile("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	period, err := strconv.Atoi(submatch(t, `terminationGracePeriodSeconds: (\d+)`, string(manifest)))
	if err != nil {
		t.Fatal(err)
	}
	grace, err := time.ParseDuration(submatch(t, `"--grace", "(\w+)"`, string(manifest)))
	if err != nil {
		t.Fatal(err)
	}
	const program, pipes = 10 * time.Second, time.Second // see serve; see fapilog help run
	if whole := program + pipes + grace; time.Duration(period)*time.Second <= whole {
		t.Errorf("Kubernetes kills after %d s what takes up to %v", period, whole)
	}
	docker, err := time.ParseDuration(submatch(t, `"--grace", "(\w+)"`, instructions(t, "ENTRYPOINT")[0]))
	if err != nil {
		t.Fatal(err)
	}
	if docker+pipes >= 10*time.Second {
		t.Errorf("docker stop kills after 10 s what takes %v when the program ends at once", docker+pipes)
	}
}

func submatch(t *testing.T, expression, text string) string {
	t.Helper()
	found := regexp.MustCompile(expression).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s", expression)
	}
	return found[1]
}

// The manifest starts what the image has, and is YAML.
func TestTheManifestFitsTheImage(t *testing.T) {
	manifest, err := os.ReadFile("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var command []string
	if err := json.Unmarshal([]byte(submatch(t, `command: (\[.*\])`, string(manifest))), &command); err != nil {
		t.Fatal(err)
	}
	ours := entrypoint(t)
	if command[0] != ours[0] || command[len(command)-1] != ours[len(ours)-1] {
		t.Errorf("the manifest runs %q, the image %q", command, ours)
	}
	user, _, _ := strings.Cut(instructions(t, "USER")[0], ":")
	if got := submatch(t, `runAsUser: (\d+)`, string(manifest)); got != user {
		t.Errorf("the manifest has user %s, the image %s", got, user)
	}
	if exec.Command("python3", "-c", "import yaml").Run() != nil {
		t.Skip("NOT CHECKED: there is no Python with yaml to read the manifest")
	}
	cmd := exec.Command("python3", "-c", "import sys, yaml; yaml.safe_load(sys.stdin)")
	cmd.Stdin = strings.NewReader(string(manifest))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// lastLine returns the last line of text.
func lastLine(text string) (last string) {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = lines.Text()
	}
	return last
}
