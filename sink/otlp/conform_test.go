package otlp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	"github.com/fapilog/fapilog/sink/otlp"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// target is the sink with a strict collector.
func target() sinktest.Target {
	return sinktest.Target{
		New: func(tb testing.TB, dial sinktest.Dial) sink.Sink {
			var c otlp.Config
			c.URL, c.Dial = &url.URL{Scheme: "http", Host: "collector:4318", Path: "/v1/logs"}, dial
			c.User, c.Password = "canaryuser", "canarypassword"
			c.Headers = "api-key: canarytoken"
			s, err := otlp.New(c)
			if err != nil {
				tb.Fatal(err)
			}
			return s
		},
		Server: keepRecords,
		HTTP:   true,
		Want: func(r sink.Record) sinktest.Stored {
			return sinktest.Stored{Text: canonical(r.JSON), Time: r.Time, ID: r.ID.String()}
		},
		Secrets: []string{"canaryuser", "canarypassword", "canarytoken"},
		Table: []sinktest.Row{
			{First: 204, Last: 204, Delivered: true, Remark: "some servers send it, and mean success"},
			{Answer: sinktest.OtherJSON, Delivered: true, Remark: "an answer may have fields that are not known"},
		},
	}
}

func keepRecords(l net.Listener, store *sinktest.Store) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, _, err := read(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, record := range q.Records {
			uid := fmt.Sprint(record.Attributes["log.record.uid"])
			delete(record.Attributes, "log.record.uid")
			store.Add(sinktest.Stored{Text: readable(record.Body, record.Attributes), Time: time.Unix(0, int64(record.Time)), ID: uid})
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"partialSuccess":{}}`)
	}))
}

// readable returns body and attributes as text; maps are sorted.
func readable(body any, attributes map[string]any) string {
	return fmt.Sprintf("%#v %#v", body, attributes)
}

// canonical returns what a collector is to have of a record, as readable writes it.
func canonical(obj []byte) string {
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(obj))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return err.Error()
	}
	delete(members, "level")
	body := members["msg"]
	delete(members, "msg")
	attributes, _ := typed(members).(map[string]any)
	return readable(body, attributes)
}

// typed returns v with the numbers that OTLP has.
func typed(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		all := map[string]any{}
		for key, member := range v {
			all[key] = typed(member)
		}
		return all
	case []any:
		all := []any{}
		for _, item := range v {
			all = append(all, typed(item))
		}
		return all
	}
	return v
}

func TestConformance(t *testing.T) {
	sinktest.Run(t, target())
}

// What is printed of the statuses is what is examined.
func TestTableIsThatOfTheSuite(t *testing.T) {
	table := otlp.Table()
	for status := range 1000 {
		i := slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })
		if got, want := table[i].Outcome(), target().Outcome(status); got != want {
			t.Errorf("status %d is %s in the table, and %s in the suite", status, got, want)
		}
	}
}
