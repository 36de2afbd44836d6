package sinktest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func ExampleMemory() {
	var m sinktest.Memory
	go func() {
		_ = m.Write(context.Background(), []sink.Record{{JSON: []byte(`{"msg":"hello"}`)}})
	}()
	if err := m.WaitFor(context.Background(), 1); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s\n", m.Records()[0].JSON)
	// Output:
	// {"msg":"hello"}
}

// A destination that is down at first.
func ExampleScript() {
	s := &sinktest.Script{Steps: []sinktest.Step{
		sinktest.Fail(errors.New("connection refused")),
		sinktest.Verdict(sink.Throttled, 0),
	}}
	for range 3 {
		fmt.Println(s.Write(context.Background(), []sink.Record{{}}))
	}
	fmt.Println(s.Len(), "delivered in", len(s.Attempts()), "attempts")
	// Output:
	// connection refused
	// scripted throttled
	// <nil>
	// 1 delivered in 3 attempts
}

// A destination that refuses every batch with a poisonous record in it.
func ExampleScript_answer() {
	s := &sinktest.Script{Answer: func(_ int, batch []sink.Record) sinktest.Step {
		for _, r := range batch {
			if bytes.Contains(r.JSON, []byte("poison")) {
				return sinktest.Verdict(sink.Rejected, 0)
			}
		}
		return sinktest.OK()
	}}
	good, bad := sink.Record{JSON: []byte(`"good"`)}, sink.Record{JSON: []byte(`"poison"`)}
	fmt.Println(s.Write(context.Background(), []sink.Record{good, bad}))
	fmt.Println(s.Write(context.Background(), []sink.Record{good}))
	// Output:
	// scripted rejected
	// <nil>
}
