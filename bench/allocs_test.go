package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// The sinks are held inside a Write, so that what is counted is the callers'
// work alone: the program's figures have the deliveries' in them.
func TestCallDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool allocate")
	}
	for _, shape := range []string{inCall, prebuilt} {
		for _, sinks := range []int{1, 8} {
			t.Run(fmt.Sprintf("%s, %d sinks", shape, sinks), func(t *testing.T) {
				began := make(chan struct{}, sinks) // a sink is inside its first Write
				release := make(chan struct{})      // closed when the count is taken
				d := discard()
				d.route = func(int) fapilog.Route {
					first := true // a sink's Writes do not overlap
					return fapilog.Route{Sink: sink.Func(func(context.Context, []sink.Record) error {
						if first {
							first = false
							began <- struct{}{}
							<-release
						}
						return nil
					})}
				}
				s, err := (pipeline{journalBytes: 8 << 20}).open(arm{library: nameFapilog, shape: shape, sinks: sinks}, d)
				if err != nil {
					t.Fatal(err)
				}
				s.log(2000) // more than a batch: nobody lingers
				for range sinks {
					<-began
				}
				if n := testing.AllocsPerRun(1000, func() { s.log(1) }); n != 0 {
					t.Errorf("%v heap objects per call, want 0", n)
				}
				close(release)
				if err := s.close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
