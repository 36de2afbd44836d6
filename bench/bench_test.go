package main

import (
	"os"
	"strings"
	"testing"
)

// BenchmarkCall has the arms of the program, for profiles: allocations and
// times of all goroutines are in it, the deliveries' too.
//
//	go test -run '^$' -bench 'Call/^fapilog,_1$' -cpuprofile cpu.out
func BenchmarkCall(b *testing.B) {
	for _, a := range everyArm(8<<20, 1, 3, 8) {
		b.Run(strings.ReplaceAll(a.name(), "/", "."), func(b *testing.B) {
			s, err := a.open(a, discard())
			if err != nil {
				b.Fatal(err)
			}
			s.log(1000)
			b.ReportAllocs()
			b.ResetTimer()
			s.log(b.N)
			b.StopTimer()
			if err := s.close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func TestMain(m *testing.M) {
	setupZerolog()
	os.Exit(m.Run())
}
