package elasticsearch

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/elasticsearch/estest"
	"github.com/fapilog/fapilog/sink/internal/httppost"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// target is the sink with the strict fake.
func target() sinktest.Target {
	return sinktest.Target{
		New: func(tb testing.TB, dial sinktest.Dial) sink.Sink {
			c := Config{APIKey: "canarytoken-of-the-key", Pipeline: "clean"}
			c.URL, c.Dial = &url.URL{Scheme: "http", Host: "es:9200"}, dial
			c.Headers, c.Query = "X-Key: canarytoken-of-a-header", "pretty=canarypassword"
			s, err := New(c)
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
		Server:  keepDocuments,
		HTTP:    true,
		Want:    document,
		Secrets: []string{"canarytoken-of-the-key", "canarytoken-of-a-header", "canarypassword"},
		Table: []sinktest.Row{
			{First: 204, Last: 204, Verdict: sink.Retry, Remark: "there are no items"},
			{Answer: sinktest.OtherType, Delivered: true, Remark: "the items are looked at"},
		},
	}
}

// document returns r as the sink makes a document of it.
func document(r sink.Record) sinktest.Stored {
	at := r.Time
	if at.IsZero() {
		at = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a sink in a bubble is opened
	}
	source := `{"@timestamp":"` + at.UTC().Format(time.RFC3339Nano) + `"`
	if members := strings.TrimPrefix(string(r.JSON), "{"); members != "}" {
		source += ","
	}
	return sinktest.Stored{Text: source + string(r.JSON[1:]), ID: r.ID.String()}
}

// keepDocuments answers once the documents are in the store.
func keepDocuments(l net.Listener, store *sinktest.Store) {
	server := &estest.Server{APIKeys: []string{"canarytoken-of-the-key"}, Pipelines: []string{"clean"}}
	var mu sync.Mutex
	known := 0
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		documents := server.Documents()
		for _, d := range documents[known:] {
			store.Add(sinktest.Stored{Text: d.Source, ID: d.ID})
		}
		known = len(documents)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
}

func TestConformance(t *testing.T) {
	sinktest.Run(t, target())
}

// What is printed of the statuses is what is examined.
func TestTableIsThatOfTheSuite(t *testing.T) {
	table := httppost.Table()
	for status := range 1000 {
		i := slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })
		if got, want := table[i].Outcome(), target().Outcome(status); got != want && status != http.StatusNoContent {
			t.Errorf("status %d is %s in the table, and %s in the suite", status, got, want)
		}
	}
}
