package file

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/fapilog/fapilog/internal/crash"
)

func TestEveryCrashPointIsListedOnceAndPassed(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var passed []string
	for _, name := range sources {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`\bcrash\.Point\("([^"]*)"\)`).FindAllSubmatch(source, -1) {
			passed = append(passed, string(call[1]))
		}
	}
	slices.Sort(passed)
	if listed := slices.Sorted(slices.Values(crash.FileNames)); !slices.Equal(passed, listed) {
		t.Errorf("listed are %q\npassed are %q", listed, passed)
	}
	for _, name := range crash.Names {
		if slices.Contains(crash.FileNames, name) {
			t.Errorf("%s is a point of the journal too", name)
		}
	}
}
