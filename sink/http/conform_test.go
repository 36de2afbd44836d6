package http_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
	httpsink "github.com/fapilog/fapilog/sink/http"
	"github.com/fapilog/fapilog/sink/internal/httppost"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// target is the sink with a server that keeps lines, and the key and place of each.
func target() sinktest.Target {
	return sinktest.Target{
		New: func(tb testing.TB, dial sinktest.Dial) sink.Sink {
			c := httpsink.Config{Ping: "/health", HMACSecret: "canarytoken-of-hmac"}
			c.URL, c.Dial = &url.URL{Scheme: "http", Host: "logs.example", Path: "/in"}, dial
			c.User, c.Password = "canaryuser", "canarypassword"
			c.Query, c.Headers = "key=canarytoken-of-query", "X-Key: canarytoken-of-header"
			s, err := httpsink.New(c)
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
		Server:  keepLines,
		HTTP:    true,
		Want:    func(r sink.Record) sinktest.Stored { return sinktest.Stored{Text: string(r.JSON), ID: "by its batch"} },
		Secrets: []string{"canaryuser", "canarypassword", "canarytoken-of-hmac", "canarytoken-of-query", "canarytoken-of-header"},
		// A status of success says nothing about who has answered: that is documented.
		Table: []sinktest.Row{
			{Answer: sinktest.HTMLPage, Delivered: true, Remark: "there is no body that all servers have"},
			{Answer: sinktest.NoBody, Delivered: true},
			{Answer: sinktest.PlainText, Delivered: true},
			{Answer: sinktest.OtherJSON, Delivered: true},
			{Answer: sinktest.BrokenJSON, Delivered: true},
			{Answer: sinktest.OtherType, Delivered: true},
			{First: 409, Last: 409, Verdict: sink.Retry, Remark: "an earlier attempt is under way"},
		},
	}
}

func keepLines(l net.Listener, store *sinktest.Store) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/health" {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/in" || !bytes.HasSuffix(body, []byte("\n")) {
			http.Error(w, "no lines", http.StatusBadRequest)
			return
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
			store.Add(sinktest.Stored{Text: line, ID: r.Header.Get("Idempotency-Key") + "/" + strconv.Itoa(i)})
		}
	}))
}

func TestConformance(t *testing.T) {
	sinktest.Run(t, target())
}

// What is printed of the statuses is what is examined.
func TestTableIsThatOfTheSuite(t *testing.T) {
	table := httpsink.Table()
	for status := range 1000 {
		i := slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })
		if got, want := table[i].Outcome(), target().Outcome(status); got != want {
			t.Errorf("status %d is %s in the table, and %s in the suite", status, got, want)
		}
	}
}
