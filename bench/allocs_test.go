package main

import (
	"fmt"
	"testing"
)

func TestCallDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool allocate")
	}
	for _, direct := range []bool{false, true} {
		for _, shape := range []string{inCall, prebuilt} {
			for _, sinks := range []int{1, 8} {
				t.Run(fmt.Sprintf("direct %t, %s, %d sinks", direct, shape, sinks), func(t *testing.T) {
					n, err := callAllocations(pipeline{journalBytes: 8 << 20, direct: direct}.arm("", shape, sinks))
					if err != nil {
						t.Fatal(err)
					}
					if n >= noAllocation { // a collection may empty a pool
						t.Errorf("%v heap objects per call, want 0", n)
					}
				})
			}
		}
	}
}
