package cloudwatch

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// token is a secret of target's.
const token = "session-token-canary" + "token"

// target is the sink with a service that keeps events.
func target() sinktest.Target {
	return sinktest.Target{
		New: func(tb testing.TB, dial sinktest.Dial) sink.Sink {
			s, err := New(Config{
				Group: "app", Stream: "web", Region: cwtest.Region, Endpoint: "http://logs.example", Create: true, Dial: dial,
				Credentials: credentials.NewStaticCredentialsProvider(cwtest.AccessKey, cwtest.SecretKey, token),
			})
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
		Server: func(l net.Listener, store *sinktest.Store) {
			service := &cwtest.Server{Stored: func(_, _ string, events []cwtest.Event) {
				for _, e := range events {
					store.Add(sinktest.Stored{Text: e.Message, Time: e.At})
				}
			}}
			service.Create("app", "web")
			_ = (&http.Server{Handler: service}).Serve(l) // until l is closed
		},
		HTTP: true,
		Want: func(r sink.Record) sinktest.Stored {
			want := sinktest.Stored{Text: strings.ToValidUTF8(string(r.JSON), "\ufffd")}
			if !r.Time.IsZero() {
				want.Time = r.Time.Truncate(time.Millisecond)
			}
			return want
		},
		Table: []sinktest.Row{
			{Answer: sinktest.OtherType, Delivered: true, Remark: "the answer itself is looked at"},
			{First: 204, Last: 204, Verdict: sink.Retry, Remark: "CloudWatch Logs answers with an object"},
			{First: 401, Last: 401, Verdict: sink.Park},
			{First: 403, Last: 407, Verdict: sink.Park},
			{First: 410, Last: 411, Verdict: sink.Park},
			{First: 413, Last: 413, Verdict: sink.TooLarge},
			{First: 415, Last: 415, Verdict: sink.Park},
			{First: 426, Last: 426, Verdict: sink.Park},
			{First: 429, Last: 429, Verdict: sink.Throttled},
			{First: 431, Last: 431, Verdict: sink.Park},
			{First: 400, Last: 499, Verdict: sink.Retry, Remark: "it is the code that says who is to blame, and a status without one is not from CloudWatch Logs"},
		},
		Secrets: []string{cwtest.SecretKey, token},
	}
}

func TestItKeepsThePromisesOfASink(t *testing.T) {
	sinktest.Run(t, target())
}

// What is printed of the statuses is what is examined.
func TestTableIsThatOfTheSuite(t *testing.T) {
	table := Table()
	for status := range 1000 {
		if status/100 == 2 {
			continue // not judged by the status
		}
		i := slices.IndexFunc(table, func(r Row) bool { return len(r.Codes) == 0 && r.First <= status && status <= r.Last })
		if got, want := table[i].Outcome(), target().Outcome(status); got != want {
			t.Errorf("status %d is %s in the table, and %s in the suite", status, got, want)
		}
	}
}
