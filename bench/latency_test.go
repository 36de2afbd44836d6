package main

import "testing"

func TestEveryCallIsTimed(t *testing.T) {
	n := 0
	if h := timed(1000, func() { n++ }); n != 1000 || h.n != 1000 {
		t.Errorf("%d calls, %d times; want 1000", n, h.n)
	}
}

// A journal in files, and one in memory, lose nothing and are given enough.
func TestTimedPipelinesCount(t *testing.T) {
	memory := pipeline{journalBytes: 1 << 20}
	durable := memory
	durable.journalDir = t.TempDir()
	for name, a := range map[string]arm{"memory": memory.arm("", inCall, 1), "files": durable.arm("", inCall, 1)} {
		l, err := measureLatency(a, discardNamed(), callsFor(memory.journalBytes))
		if err != nil || l.void != nil {
			t.Errorf("%s: %v, %v", name, err, l.void)
		}
		if l.p50 <= 0 || l.p999 < l.p50 {
			t.Errorf("%s: p50 %v, p99.9 %v", name, l.p50, l.p999)
		}
	}
}
