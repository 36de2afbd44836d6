package fapilogtest

import "testing"

// Spy returns l reporting to tb.
func Spy(l *Log, tb testing.TB) *Log { return &Log{l.Pipeline, tb, l.memory} }
