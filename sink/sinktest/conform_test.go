package sinktest_test

import (
	"testing"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// shelfTarget is what the example says.
func shelfTarget() sinktest.Target {
	return sinktest.Target{
		New: func(_ testing.TB, dial sinktest.Dial) sink.Sink {
			return NewShelf("http://shelf.example/in", "a-secret-token", dial)
		},
		Server: Shelve,
		HTTP:   true,
		Want: func(r sink.Record) sinktest.Stored {
			return sinktest.Stored{ID: r.ID.String(), Time: r.Time, Text: string(r.JSON)}
		},
		Table: []sinktest.Row{
			{Answer: sinktest.OtherType, Delivered: true, Remark: "the answer itself is looked at"},
			{First: 204, Last: 204, Verdict: sink.Retry, Remark: "there is no answer"},
		},
		Secrets: []string{"a-secret-token"},
	}
}

func TestTheSinkOfTheExamplePasses(t *testing.T) {
	sinktest.Run(t, shelfTarget())
}
