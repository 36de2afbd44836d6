package all_test

import (
	"slices"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/reference"
	"github.com/fapilog/fapilog/sink"
	_ "github.com/fapilog/fapilog/sink/all"
)

// ownModules are the schemes that it cannot link.
var ownModules = []string{"cloudwatch"}

func TestEverySinkOfTheModuleIsLinked(t *testing.T) {
	for _, k := range reference.Absent() {
		if !slices.Contains(ownModules, k.Scheme) {
			t.Errorf("%s is not linked", k.Scheme)
		}
	}
}

// A sink that is described has an example. What it stands for is right, and its
// parameters and those of every sink are different ones.
func TestEverySinkHasAnExampleThatIsRight(t *testing.T) {
	for _, scheme := range sink.Schemes() {
		k, _ := reference.Of(scheme)
		if k.Summary == "" || k.Example == "" {
			t.Errorf("%s: summary %q, example %q", scheme, k.Summary, k.Example)
			continue
		}
		cfg, err := fapilog.ConfigFromEnv(k.Example)
		if err != nil {
			t.Errorf("%s: %v", k.Example, err)
			continue
		}
		if plan, err := cfg.Plan(); err != nil || len(plan.Sinks) != 1 {
			t.Errorf("%s: %v", k.Example, err)
		}
	}
}
