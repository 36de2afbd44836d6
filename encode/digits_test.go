package encode

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestNumbersAreWrittenAsStrconvWritesThem(t *testing.T) {
	check := func(n int64) {
		if got, want := string(appendInt(nil, n)), strconv.FormatInt(n, 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if got, want := string(appendUint(nil, uint64(n))), strconv.FormatUint(uint64(n), 10); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	edges := []int64{0, 1, math.MinInt64, math.MaxInt64}
	for p := int64(1); p > 0 && p <= math.MaxInt64/10; p *= 10 {
		edges = append(edges, p, p*10, p*9)
	}
	for bit := range 64 {
		edges = append(edges, 1<<bit)
	}
	for _, n := range edges {
		for d := int64(-2); d <= 2; d++ {
			check(n + d)
			check(-n + d)
		}
	}
	for range 100_000 {
		check(int64(rand.Uint64() >> rand.IntN(64)))
	}
}
