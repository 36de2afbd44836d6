package loki

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// target is the sink with a server that keeps entries. To Loki time and line are what a
// record is known by. maxSpan is Config.MaxSpan.
func target(maxSpan sink.Duration) sinktest.Target {
	return sinktest.Target{
		New: func(tb testing.TB, dial sinktest.Dial) sink.Sink {
			c := Config{Labels: []string{"app=api"}, Tenant: "team", MaxSpan: maxSpan}
			c.URL, c.Dial = &url.URL{Scheme: "http", Host: "loki.example:3100"}, dial
			c.User, c.Password = "canaryuser", "canarypassword"
			c.Headers = "X-Key: canarytoken"
			s, err := New(c)
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
		Server: keepEntries,
		HTTP:   true,
		Want: func(r sink.Record) sinktest.Stored {
			return sinktest.Stored{Text: string(r.JSON), Time: r.Time, ID: "time and line"}
		},
		Secrets: []string{"canaryuser", "canarypassword", "canarytoken"},
		Table: []sinktest.Row{
			{First: 260, Last: 260, Verdict: sink.Park, Remark: "the tenant is blocked, and nothing was stored"},
			{Answer: sinktest.NoBody, Delivered: true, Remark: "Loki's success has no body"},
			{Answer: sinktest.PlainText, Delivered: true, Remark: "servers that are compatible with Loki say what they like"},
			{Answer: sinktest.OtherJSON, Delivered: true},
			{Answer: sinktest.BrokenJSON, Delivered: true},
			{Answer: sinktest.OtherType, Delivered: true},
		},
	}
}

func keepEntries(l net.Listener, store *sinktest.Store) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == readyPath {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != pushPath {
			http.Error(w, "no push", http.StatusBadRequest)
			return
		}
		streams, err := readPush(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, s := range streams {
			for _, e := range s.entries {
				store.Add(sinktest.Stored{Text: e.line, Time: time.Unix(0, e.at), ID: strconv.FormatInt(e.at, 10) + " " + e.line})
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}))
}

func TestConformance(t *testing.T) {
	for name, maxSpan := range map[string]sink.Duration{"with the default of max-span": 0, "with the longest": 1<<63 - 1} {
		t.Run(name, func(t *testing.T) { sinktest.Run(t, target(maxSpan)) })
	}
}

// What is printed of the statuses is what is examined.
func TestTableIsThatOfTheSuite(t *testing.T) {
	table := Table()
	for status := range 1000 {
		i := slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })
		if got, want := table[i].Outcome(), target(0).Outcome(status); got != want {
			t.Errorf("status %d is %s in the table, and %s in the suite", status, got, want)
		}
	}
}
