//go:build unix

package proof

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	scaleVariable = "FAPILOG_PROVE_SCALE"
	seedVariable  = "FAPILOG_PROVE_SEED"
)

// TestMain is the child's main where there is a plan for one.
func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(planVariable); ok {
		child(text)
		return
	}
	code := m.Run()
	built.remove()
	os.Exit(code)
}

// scaled returns how many of the full number are to be done; at least one.
func scaled(full int) int {
	scale := 0.005
	if text := os.Getenv(scaleVariable); text != "" {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			scale = f
		}
	}
	return max(1, int(float64(full)*scale))
}

// asked says that the proofs are what this run of tests is for.
func asked() bool { return os.Getenv(scaleVariable) != "" }

// random returns a source of what is left to chance, and prints its seed.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return rand.New(rand.NewPCG(seed, 0))
}
