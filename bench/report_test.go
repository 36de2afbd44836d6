package main

import (
	"errors"
	"strings"
	"testing"
)

func TestMedianIsTheMiddleOfTheRounds(t *testing.T) {
	for want, values := range map[float64][]float64{
		3: {9, 1, 3}, 2.5: {1, 2, 3, 100}, 7: {7}, 0: nil,
	} {
		if got := median(values); got != want {
			t.Errorf("median of %v is %v, want %v", values, got, want)
		}
	}
}

func rounds(library string, sinks int, wall ...float64) result {
	x := result{arm: arm{library: library, shape: inCall, sinks: sinks}}
	for _, ns := range wall {
		x.samples = append(x.samples, sample{wall: ns, threadCPU: ns})
	}
	return x
}

func TestRatioIsThatOfTheMediansWithTheRangeOfTheRounds(t *testing.T) {
	q, ok := ratioOf(rounds("a", 1, 100, 300, 200), rounds("b", 1, 100, 100, 50), wallOf)
	if want := (ratio{2, 1, 4}); !ok || q != want {
		t.Errorf("%v %v, want %v", q, ok, want)
	}
}

func TestClaimIsJudgedByTheRatioAndAVoidRunByNothing(t *testing.T) {
	write := func(ours, eight, peer result) string {
		var b strings.Builder
		report{rounds: 1, results: []result{ours, eight, peer}}.write(&b)
		return b.String()
	}
	ours, eight, peer := rounds(nameFapilog, 1, 130), rounds(nameFapilog, 8, 150), rounds(namePhuslu, 1, 100)
	const first, second = "wall ≤ 1.30 × " + namePhuslu + ", " + inCall + ": ", "wall with 8 sinks ≤ 1.15 × with 1, " + inCall + ": "
	got := write(ours, eight, peer)
	for _, want := range []string{first + "**holds**, 1.30", second + "**does not hold**, 1.15"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	ours.samples[0].void = errors.New("records were lost")
	got = write(ours, eight, peer)
	for _, want := range []string{first + "not measured", second + "not measured", "| 1 | fapilog | does not count |"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
